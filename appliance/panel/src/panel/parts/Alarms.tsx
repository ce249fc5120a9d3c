// Alarms in the reader's language, and the sentence that answers "is everything fine?".
import { Alert, Anchor, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconEyeCheck, IconUrgent } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Alarm, Health } from "../../api/schema";
import { useFormat } from "../wording";
import { Ago } from "./Ago";
import { Failure } from "./Failure";
import { StateBadge } from "./StateBadge";

export const LOOKS = {
  fine: { icon: IconCircleCheck, color: "teal" },
  attention: { icon: IconAlertTriangle, color: "yellow" },
  broken: { icon: IconUrgent, color: "red" },
} as const;

export function useHealth() {
  return useQuery({ queryKey: keys.health, queryFn: api.health });
}

/** They say what has happened, and are over once somebody has seen them. */
const NEWS: readonly string[] = ["database_replaced", "database_lost", "keys_renewed", "restore_given_up"];

/** What is the case, with its figures. */
export function useAlarmWords(): (alarm: Alarm) => string {
  const { t } = useTranslation("panel");
  const format = useFormat();
  return ({ kind, figures }) =>
    t(`health.kind.${kind}.what`, {
      name: figures.name ?? "",
      error: figures.error ?? "",
      bytes: format.bytes(figures.bytes ?? 0),
      of_bytes: format.bytes(figures.of_bytes ?? 0),
      count: figures.count ?? 0,
      celsius: format.number(figures.celsius ?? 0),
      time: format.span(figures.seconds ?? 0),
      at: figures.at ? format.dateTime(figures.at) : "",
    });
}

const unseen = (health: Health) => health.items.filter((alarm) => alarm.acknowledged_at === null);

/** One sentence: everything is fine, or how much is not. */
export function Sentence({ health }: { health: Health }) {
  const { t } = useTranslation("panel");
  const open = unseen(health).length;
  const known = health.items.length;
  const { icon: Picture, color } = LOOKS[health.state];
  const words =
    open > 0
      ? t("health.needs", { count: open })
      : known > 0
        ? t("health.seen_only", { count: known })
        : t("health.fine");
  return (
    <Group gap="sm" wrap="nowrap" role="status">
      <Picture size={26} aria-hidden color={`var(--mantine-color-${color}-6)`} style={{ flex: "none" }} />
      <Text fw={600} fz="lg">
        {words}
      </Text>
    </Group>
  );
}

/** The head of the dashboard. */
export function HealthGlance() {
  const { t } = useTranslation("panel");
  const health = useHealth();
  const words = useAlarmWords();
  if (health.error) return <Failure error={health.error} retry={() => void health.refetch()} />;
  if (!health.data) return null;
  return (
    <Paper className="surface" p="md" component="section" aria-label={t("health.title")}>
      <Stack gap="sm">
        <Group justify="space-between" gap="sm">
          <Sentence health={health.data} />
          <Button component={Link} href="/status/health" variant="default" size="xs">
            {t("health.open")}
          </Button>
        </Group>
        {unseen(health.data).map((alarm) => (
          <Group key={alarm.id} gap="xs" wrap="nowrap" align="flex-start">
            <StateBadge look={LOOKS[alarm.severity]} word={t(`health.severity.${alarm.severity}`)} />
            <Text size="sm" style={{ overflowWrap: "anywhere", minWidth: 0 }}>
              {words(alarm)}
            </Text>
          </Group>
        ))}
      </Stack>
    </Paper>
  );
}

/** Above every page, while something does not work. */
export function HealthNotice() {
  const { t } = useTranslation("panel");
  const health = useHealth();
  const broken = health.data ? unseen(health.data).filter((alarm) => alarm.severity === "broken") : [];
  if (broken.length === 0) return null;
  return (
    <Paper className="surface page" mb="md" px="md" py="xs" role="status">
      <Group gap="sm" justify="space-between">
        <Group gap="sm" wrap="nowrap" miw={0}>
          <IconUrgent size={20} aria-hidden style={{ flex: "none" }} />
          <Text size="sm">{t("health.broken_notice", { count: broken.length })}</Text>
        </Group>
        <Button component={Link} href="/status/health" variant="default" size="xs">
          {t("health.look")}
        </Button>
      </Group>
    </Paper>
  );
}

/** An alarm that stands: what, why, what to do, and who takes care. */
export function StandingAlarm({ alarm }: { alarm: Alarm }) {
  const { t } = useTranslation("panel");
  const words = useAlarmWords();
  const cache = useQueryClient();
  const seen = useMutation({
    mutationFn: () => api.acknowledgeAlarm(alarm.id),
    onSettled: () => void cache.invalidateQueries({ queryKey: keys.health }),
  });
  const { icon: Picture, color } = LOOKS[alarm.severity];
  const what = words(alarm);
  const told = NEWS.includes(alarm.kind);
  return (
    <Alert
      color={alarm.acknowledged_at === null ? color : "gray"}
      icon={<Picture size={20} aria-hidden />}
      role="group"
      aria-label={what}
    >
      <Stack gap="xs">
        <Text fw={600} style={{ overflowWrap: "anywhere" }}>
          {t(`health.severity.${alarm.severity}`)}: {what}
        </Text>
        <Text size="sm">
          <b>{t("health.cause")}:</b> {t(`health.kind.${alarm.kind}.cause`)}
        </Text>
        <Text size="sm">
          <b>{t("health.remedy")}:</b> {t(`health.kind.${alarm.kind}.remedy`)}{" "}
          {alarm.page !== "/status" && (
            <Anchor component={Link} href={alarm.page} size="sm" underline="always">
              {t("health.mend")}
            </Anchor>
          )}
        </Text>
        <Group justify="space-between" gap="sm">
          <Text size="sm">
            {t("health.since")} <Ago at={alarm.since} />
          </Text>
          {alarm.acknowledged_at === null ? (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconEyeCheck size={16} aria-hidden />}
              loading={seen.isPending}
              aria-label={t(told ? "health.seen_of" : "health.acknowledge_of", { what })}
              onClick={() => seen.mutate()}
            >
              {t(told ? "health.seen" : "health.acknowledge")}
            </Button>
          ) : (
            <Text size="sm">
              {t("health.acknowledged", { name: alarm.acknowledged_by ?? "" })} (<Ago at={alarm.acknowledged_at} />)
            </Text>
          )}
        </Group>
        {seen.error && <Failure error={seen.error} />}
      </Stack>
    </Alert>
  );
}
