// Above the rooms, until the set-up is done or somebody wants to hear no more of it.
import { Button, Group, Paper, Progress, Stack, Text } from "@mantine/core";
import { IconListCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { useReportFailure } from "../parts/Failure";
import { useUndo } from "../parts/useUndo";
import { useMay } from "../session";
import { countDone, COUNTED, reminds } from "./steps";
import { useSaySetup, useSetup } from "./useSetup";

export function SetupReminder() {
  const { t } = useTranslation("panel");
  const may = useMay();
  const view = useSetup(may("configure"));
  const say = useSaySetup();
  const report = useReportFailure();
  const undo = useUndo();
  if (!view.data || !reminds(view.data)) return null;
  const done = countDone(view.data);
  const dismiss = () =>
    say.mutate(
      { dismissed: true },
      {
        onSuccess: () => undo(t("setup_card.dismissed"), () => say.mutateAsync({ dismissed: false })),
        onError: report,
      },
    );
  return (
    <Paper className="surface" px="md" py="sm" mb="md" component="aside" aria-label={t("setup_card.title")}>
      <Group gap="sm" justify="space-between">
        <Group gap="sm" wrap="nowrap" flex="1 1 220px" miw={0}>
          <IconListCheck size={20} aria-hidden style={{ flex: "none" }} />
          <Stack gap={6} flex={1} maw={320}>
            <Text size="sm">{t("setup_card.progress", { done, all: COUNTED })}</Text>
            <Progress value={(done * 100) / COUNTED} size="xs" aria-hidden />
          </Stack>
        </Group>
        <Group gap="xs">
          <Button component={Link} href="/setup" size="xs">
            {t("setup_card.go_on")}
          </Button>
          <Button size="xs" variant="subtle" color="gray" loading={say.isPending} onClick={dismiss}>
            {t("setup_card.not_now")}
          </Button>
        </Group>
      </Group>
    </Paper>
  );
}
