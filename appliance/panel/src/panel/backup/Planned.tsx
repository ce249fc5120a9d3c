// Backups that the box makes by itself: how they stand at their targets, and the plan.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconCalendarTime, IconPlayerPlay, IconX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BackupPlan, Safekeeping } from "../../api/schema";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { Card } from "../settings/Card";
import { useFormat } from "../wording";
import { PlanForm } from "./PlanForm";
import { Place } from "./Place";

/** No event tells of each byte. */
const LOOK_MS = 2_000;
const REST_MS = 30_000;

const isBusy = (view: Safekeeping) => view.making || view.places.some(({ waiting }) => waiting !== null);

export function usePlan() {
  return useQuery({
    queryKey: keys.backupPlan,
    queryFn: api.backupPlan,
    refetchInterval: ({ state }) => (state.data && isBusy(state.data) ? LOOK_MS : REST_MS),
  });
}

export function Planned({ least }: { least: number }) {
  const { t } = useTranslation("panel");
  const plan = usePlan();
  const [editing, setEditing] = useState(false);
  const view = plan.data;
  return (
    <Card title={t("backup.plan.title")} text={t("backup.plan.text")}>
      {plan.error && <Failure error={plan.error} retry={() => void plan.refetch()} />}
      {view && view.plan && !editing && <Now view={view} plan={view.plan} edit={() => setEditing(true)} />}
      {view && !view.plan && !editing && (
        <Stack gap="sm" align="flex-start">
          <Text c="dimmed" size="sm">
            {t("backup.plan.none")}
          </Text>
          <Button leftSection={<IconCalendarTime size={18} aria-hidden />} onClick={() => setEditing(true)}>
            {t("backup.plan.set_up")}
          </Button>
        </Stack>
      )}
      {view && editing && <PlanForm view={view} least={least} close={() => setEditing(false)} />}
    </Card>
  );
}

/** "Every Monday at 03:00". */
export function useTurn(): (plan: BackupPlan) => string {
  const { t } = useTranslation("panel");
  const { language } = useFormat();
  return (plan) =>
    plan.every === "weekly"
      ? t("backup.plan.weekly", { day: weekday(plan.weekday ?? 1, language), at: plan.at })
      : t("backup.plan.daily", { at: plan.at });
}

/** Name of a day of the week; 1 is Monday. */
export const weekday = (day: number, language: string): string =>
  // The first of January 2024 was a Monday.
  new Intl.DateTimeFormat(language, { weekday: "long", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, day)));

function Now({ view, plan, edit }: { view: Safekeeping; plan: BackupPlan; edit: () => void }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const turn = useTurn();
  const cache = useQueryClient();
  const [ending, setEnding] = useState(false);
  const keep = (now: Safekeeping) => cache.setQueryData(keys.backupPlan, now);
  const run = useMutation({ mutationFn: api.runBackupPlan, onSuccess: keep });
  const callOff = useMutation({ mutationFn: api.callOffBackup, onSuccess: keep });
  return (
    <Stack gap="md">
      <Text size="sm">
        {turn(plan)}. {t("backup.plan.kept", { count: plan.keep })}{" "}
        {view.next_at
          ? t("backup.plan.next", { when: format.dateTime(view.next_at) })
          : t("backup.plan.no_clock")}
      </Text>
      {view.error !== null && (
        <Alert color="red" role="alert">
          {t("backup.plan.failed", { message: view.error })}
        </Alert>
      )}
      {view.making && (
        <Text size="sm" role="status">
          {t("backup.plan.making")}
        </Text>
      )}
      {view.places.length === 0 && (
        <Alert color="red" role="alert">
          {t("backup.plan.no_places")}
        </Alert>
      )}
      <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {view.places.map((place) => (
          <Place key={place.target} place={place} />
        ))}
      </Stack>
      {view.called_off && !isBusy(view) && (
        <Text size="sm" role="status">
          {t("backup.plan.called_off")}
        </Text>
      )}
      {run.error && <Failure error={run.error} />}
      {callOff.error && <Failure error={callOff.error} />}
      <Group gap="sm">
        <Button
          leftSection={<IconPlayerPlay size={18} aria-hidden />}
          loading={run.isPending}
          disabled={view.making}
          onClick={() => run.mutate()}
        >
          {t("backup.plan.run")}
        </Button>
        {(isBusy(view) || view.error !== null) && (
          <Button
            variant="default"
            leftSection={<IconX size={18} aria-hidden />}
            loading={callOff.isPending}
            onClick={() => callOff.mutate()}
          >
            {t("backup.plan.call_off")}
          </Button>
        )}
        <Button variant="default" onClick={edit}>
          {t("backup.plan.change")}
        </Button>
        <Button variant="default" onClick={() => setEnding(true)}>
          {t("backup.plan.end")}
        </Button>
      </Group>
      <Confirm
        opened={ending}
        close={() => setEnding(false)}
        title={t("backup.plan.end_title")}
        text={t("backup.plan.end_text")}
        action={t("backup.plan.end")}
        run={async () => keep(await api.endBackupPlan())}
      />
    </Stack>
  );
}
