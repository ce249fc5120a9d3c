// The end: what is open, and what people do next.
import { Anchor, Button, Group, List, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconCalendarPlus, IconDatabaseExport, IconUserPlus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { SetupView } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { useMay } from "../session";
import type { StepProps } from "./StepFrame";
import { reminds } from "./steps";
import { useSaySetup } from "./useSetup";

export function FinishStep({ view, back }: StepProps & { view: SetupView }) {
  const { t } = useTranslation("setup");
  const may = useMay();
  const say = useSaySetup();
  const undone = view.steps.filter(({ state }) => state !== "done");
  const next = [
    { to: may("run_people") ? "/settings/people" : "/rooms", icon: IconUserPlus, words: "invite" },
    { to: "/schedule", icon: IconCalendarPlus, words: "plan" },
    ...(may("back_up") ? [{ to: "/settings/backup", icon: IconDatabaseExport, words: "backup" } as const] : []),
  ] as const;
  return (
    <>
      <Paper className="surface" p={{ base: "md", sm: "lg" }} component="section">
        <Stack gap="md">
          <Title order={2} size="h3">
            {t(undone.length === 0 ? "finish.title" : "finish.title_open")}
          </Title>
          {undone.length === 0 ? (
            <Text>{t("finish.all")}</Text>
          ) : (
            <Stack gap={4}>
              <Text>{t("finish.some")}</Text>
              <List>
                {undone.map(({ step, state }) => (
                  <List.Item key={step}>
                    <Anchor component={Link} underline="always" href={`/setup/${step}`}>{t(`step.${step}`)}</Anchor> ({t(`state.${state}`)})
                  </List.Item>
                ))}
              </List>
            </Stack>
          )}
          <Title order={3} size="h5">
            {t("finish.next")}
          </Title>
          <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
            {next.map(({ to, icon: Picture, words }) => (
              <Link key={to} href={to} className="setup-next">
                <Picture size={24} stroke={1.6} aria-hidden />
                <b>{t(`finish.${words}`)}</b>
                <span>{t(`finish.${words}_text`)}</span>
              </Link>
            ))}
          </SimpleGrid>
        </Stack>
      </Paper>
      {say.error && <Failure error={say.error} />}
      <Group justify="space-between" gap="sm">
        {back && (
          <Button component={Link} href={back} variant="default">
            {t("back")}
          </Button>
        )}
        <Group gap="sm">
          {reminds(view) && (
            <Button
              variant="subtle"
              color="gray"
              loading={say.isPending}
              onClick={() => say.mutate({ dismissed: true })}
            >
              {t("finish.dismiss")}
            </Button>
          )}
          <Button component={Link} href="/rooms">
            {t("finish.rooms")}
          </Button>
        </Group>
      </Group>
      <Text size="sm" c="dimmed" role="status">
        {view.dismissed && undone.length > 0 && t("finish.dismissed")}
      </Text>
    </>
  );
}
