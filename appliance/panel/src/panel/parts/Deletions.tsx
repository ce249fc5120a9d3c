// What the box deleted by itself, and why: nothing goes without a word.
import { Alert, Paper, Stack, Text, Title } from "@mantine/core";
import { IconClockQuestion } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { useFormat } from "../wording";
import { Ago } from "./Ago";

const SHOWN = 20;

export function Deletions() {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const deletions = useQuery({ queryKey: keys.deletions, queryFn: api.deletions });
  const items = deletions.data?.items.slice(0, SHOWN) ?? [];
  const doubt = deletions.data?.clock_doubt;
  const notice = doubt && (
    <Alert mt="lg" color="yellow" icon={<IconClockQuestion aria-hidden />} title={t("retention.waits_title")}>
      {t(`retention.waits.${doubt}`)}
    </Alert>
  );
  if (items.length === 0) return notice ?? null;
  return (
    <>
    {notice}
    <Paper className="surface" p="md" mt="lg" component="section">
      <Title order={2} size="h5" mb="sm">
        {t("retention.deleted_title")}
      </Title>
      <Stack gap={6} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {items.map((one) => (
          <Text key={one.recording} component="li" size="sm">
            <Name>{one.title}</Name>{" "}
            <Text span c="dimmed" size="sm">
              {format.bytes(one.bytes)} · <Ago at={one.at} /> · {t(`retention.reason.${one.reason}`)}
            </Text>
          </Text>
        ))}
      </Stack>
    </Paper>
    </>
  );
}
