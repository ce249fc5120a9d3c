// One target: what it is, how copying to it goes, and what can be done with it.
import { Alert, Anchor, Button, Group, Menu, Progress, Stack, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleOff,
  IconClock,
  IconCloudUpload,
  IconDotsVertical,
  IconHourglass,
  IconPencil,
  IconPlugConnected,
  IconPower,
  IconRefresh,
  IconTrash,
} from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import type { Moving, Target } from "../../api/schema";
import { share } from "../../format";
import { baseName, isOpen, stateOf, timeOfDay, type TargetState } from "../../targets";
import { useMinuteOfDay } from "../now";
import { Failure, useReportFailure } from "../parts/Failure";
import { StateBadge, type StateLook } from "../parts/StateBadge";
import { KindIcon, TargetHead } from "../parts/TargetLook";
import { useFormat } from "../wording";
import { TrialResult } from "./TargetTrial";

interface TargetRowProps {
  target: Target;
  /** Another number: what a test has shown is of before. */
  edits: number;
  edit: () => void;
  leave: () => void;
  changed: () => void;
}

const LOOKS: Record<TargetState, StateLook> = {
  off: { icon: IconCircleOff, color: "gray" },
  sending: { icon: IconCloudUpload, color: "blue" },
  failing: { icon: IconAlertTriangle, color: "red" },
  later: { icon: IconClock, color: "gray" },
  waiting: { icon: IconHourglass, color: "blue" },
  copied: { icon: IconCircleCheck, color: "teal" },
  quiet: { icon: IconCircleDashed, color: "gray" },
};

export function TargetRow({ target, edits, edit, leave, changed }: TargetRowProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { name, tally, moving, hours } = target;
  const minute = useMinuteOfDay();
  const state = stateOf(target, minute);
  const opens = timeOfDay(hours?.from ?? 0);
  const { waiting, delivered } = tally;
  return (
    <Stack component="li" gap="xs">
      <Group wrap="nowrap" align="flex-start" gap="sm">
        <KindIcon kind={target.place.kind} />
        <TargetHead name={name} place={target.place}>
          <Limits target={target} />
        </TargetHead>
        <Actions target={target} edit={edit} leave={leave} changed={changed} />
      </Group>
      <Group gap="xs">
        <StateBadge look={LOOKS[state]} word={t(`targets.state.${state}`, { time: opens })} />
        {waiting > 0 && (
          <Text size="sm">
            {t("targets.waiting", {
              count: waiting,
              shown: format.number(waiting),
              size: format.bytes(tally.waiting_bytes),
            })}
          </Text>
        )}
        {delivered > 0 && (
          <Text size="sm" c="dimmed">
            {t("targets.delivered", {
              count: delivered,
              shown: format.number(delivered),
              size: format.bytes(tally.delivered_bytes),
            })}
          </Text>
        )}
      </Group>
      {moving && <OnItsWay moving={moving} />}
      {target.enabled && <Trouble target={target} opens={isOpen(hours, minute) ? null : opens} />}
      <Trial key={edits} target={target} changed={changed} />
    </Stack>
  );
}

/** What goes there, and when. */
function Limits({ target }: { target: Target }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { contents, rooms, hours, megabits } = target;
  const limits = [
    rooms.length > 0
      ? t(`targets.limits.${contents}_of`, { count: rooms.length })
      : t(`targets.limits.${contents}`),
  ];
  if (hours) limits.push(`${timeOfDay(hours.from)}–${timeOfDay(hours.until)}`);
  if (megabits) limits.push(t("targets.limits.megabits", { shown: format.number(megabits) }));
  return (
    <Text size="xs" c="dimmed">
      {limits.join(" · ")}
    </Text>
  );
}

function OnItsWay({ moving }: { moving: Moving }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const file = baseName(moving.file);
  const all = moving.bytes > 0 && moving.sent >= moving.bytes;
  return (
    <Stack gap={4}>
      <Progress
        value={share(moving.sent, moving.bytes)}
        size="md"
        animated={all}
        aria-label={t("targets.progress_of", { file })}
        transitionDuration={200}
      />
      <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        <Anchor component={Link} href={`/recordings/${moving.recording}`} inherit underline="always">
          {file}
        </Anchor>{" "}
        ·{" "}
        {all
          ? t("targets.checking")
          : t("targets.sent_of", { sent: format.bytes(moving.sent), size: format.bytes(moving.bytes) })}
      </Text>
    </Stack>
  );
}

/** Why something did not get there, and what becomes of it. */
function Trouble({ target, opens }: { target: Target; opens: string | null }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { waiting, given_up, error } = target.tally;
  if (given_up === 0 && (waiting === 0 || error === null)) return null;
  return (
    <Alert color="red" p="xs" icon={<IconAlertTriangle size={18} aria-hidden />}>
      <Stack gap={4}>
        {error && (
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {t("targets.failed", { error })}
          </Text>
        )}
        {waiting > 0 && error && (
          <Text size="sm" c="dimmed">
            {opens ? t("targets.goes_on_later", { time: opens }) : t("targets.goes_on")}
          </Text>
        )}
        {given_up > 0 && (
          <Text size="sm">
            {t("targets.given_up", { count: given_up, shown: format.number(given_up) })}
          </Text>
        )}
      </Stack>
    </Alert>
  );
}

/** Tests the place, and sends what failed once more. */
function Trial({ target, changed }: Pick<TargetRowProps, "target" | "changed">) {
  const { t } = useTranslation("panel");
  const { id, name, tally, enabled } = target;
  const trial = useMutation({ mutationFn: () => api.testTarget(id), onSettled: changed });
  const retry = useMutation({ mutationFn: () => api.retryTarget(id), onSuccess: changed });
  const failed = enabled && (tally.given_up > 0 || (tally.waiting > 0 && tally.error !== null));
  return (
    <Stack gap="xs" align="flex-start">
      <Group gap="xs">
        <Button
          variant="default"
          size="xs"
          loading={trial.isPending}
          leftSection={<IconPlugConnected size={16} aria-hidden />}
          aria-label={t("targets.test_named", { name })}
          onClick={() => trial.mutate()}
        >
          {t("targets.test")}
        </Button>
        {failed && (
          <Button
            variant="default"
            size="xs"
            loading={retry.isPending}
            leftSection={<IconRefresh size={16} aria-hidden />}
            aria-label={t("targets.retry_named", { name })}
            onClick={() => retry.mutate()}
          >
            {t("targets.retry")}
          </Button>
        )}
      </Group>
      {trial.error && <Failure error={trial.error} />}
      {retry.error && <Failure error={retry.error} />}
      {trial.data && <TrialResult trial={trial.data} />}
    </Stack>
  );
}

function Actions({ target, edit, leave, changed }: Omit<TargetRowProps, "edits">) {
  const { t } = useTranslation("panel");
  const report = useReportFailure();
  const { id, name, enabled } = target;
  const power = useMutation({
    mutationFn: () => api.changeTarget(id, { enabled: !enabled }),
    onSuccess: changed,
    onError: report,
  });
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" px="xs" loading={power.isPending} aria-label={t("more_of", { name })}>
          <IconDotsVertical size={18} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={edit}>
          {t("targets.edit")}
        </Menu.Item>
        <Menu.Item leftSection={<IconPower size={16} aria-hidden />} onClick={() => power.mutate()}>
          {t(enabled ? "targets.switch_off" : "targets.switch_on")}
        </Menu.Item>
        <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={leave}>
          {t("targets.remove")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
