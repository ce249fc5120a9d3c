// Whether everything is fine: what stands, what is looked at, what was.
import { Group, Paper, SimpleGrid, Skeleton, Stack, Table, Text, Title, VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Alarm, Health } from "../../api/schema";
import { LOOKS, Sentence, StandingAlarm, useAlarmWords, useHealth } from "../parts/Alarms";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { useFormat } from "../wording";

export function HealthPage() {
  const { t } = useTranslation("panel");
  const health = useHealth();
  return (
    <>
      <Heading title={t("health.title")} lead={t("health.lead")} />
      {health.error && <Failure error={health.error} retry={() => void health.refetch()} />}
      {health.isPending && <Skeleton height={320} radius="lg" />}
      {health.data && (
        <Stack gap="md" maw={960}>
          <Now health={health.data} />
          <Checks health={health.data} />
          <History past={health.data.history} />
        </Stack>
      )}
    </>
  );
}

function Now({ health }: { health: Health }) {
  const { t } = useTranslation("panel");
  return (
    <Paper className="surface" p="md" component="section">
      <Stack gap="md">
        <Sentence health={health} />
        {health.items.length === 0 && (
          <Text size="sm" c="dimmed">
            {t("health.fine_text", { count: health.checks.length })}
          </Text>
        )}
        {health.items.length > 0 && (
          <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
            {health.items.map((alarm) => (
              <li key={alarm.id}>
                <StandingAlarm alarm={alarm} />
              </li>
            ))}
          </Stack>
        )}
      </Stack>
    </Paper>
  );
}

function Checks({ health }: { health: Health }) {
  const { t } = useTranslation("panel");
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4">
        {t("health.checks")}
      </Title>
      <Text c="dimmed" size="sm" mb="sm">
        {t("health.checks_text")}
      </Text>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {health.checks.map(({ kind, state }) => {
          const { icon: Picture, color } = LOOKS[state];
          return (
            <Group key={kind} gap="xs" wrap="nowrap" component="li">
              <Picture size={18} aria-hidden color={`var(--mantine-color-${color}-6)`} style={{ flex: "none" }} />
              <Text size="sm">
                {t(`health.kind.${kind}.check`)}
                {state === "fine" ? <VisuallyHidden>: {t("health.state.fine")}</VisuallyHidden> : `: ${t(`health.state.${state}`)}`}
              </Text>
            </Group>
          );
        })}
      </SimpleGrid>
    </Paper>
  );
}

function History({ past }: { past: Alarm[] }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const words = useAlarmWords();
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4" mb="sm">
        {t("health.history")}
      </Title>
      {past.length === 0 && <Text c="dimmed">{t("health.history_none")}</Text>}
      {past.length > 0 && (
        <div className="scroll-x" role="region" aria-label={t("health.history")} tabIndex={0}>
          <Table verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("health.what")}</Table.Th>
                <Table.Th>{t("health.from")}</Table.Th>
                <Table.Th ta="right">{t("health.lasted")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {past.map((alarm) => (
                <Table.Tr key={alarm.id}>
                  <Table.Td miw={220} style={{ overflowWrap: "anywhere" }}>
                    {words(alarm)}
                  </Table.Td>
                  <Table.Td style={{ whiteSpace: "nowrap" }}>{format.dateTime(alarm.since)}</Table.Td>
                  <Table.Td ta="right" style={{ whiteSpace: "nowrap" }}>
                    {format.span((Date.parse(alarm.cleared_at ?? alarm.since) - Date.parse(alarm.since)) / 1000)}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Paper>
  );
}
