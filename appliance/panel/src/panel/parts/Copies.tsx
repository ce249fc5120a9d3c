// Where else a recording is, verified; what is on its way, and what does not get there.
import { Button, Group, Menu, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCloudUpload,
  IconCopy,
  IconHourglass,
  IconRefresh,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Copy, Recording, Target } from "../../api/schema";
import { baseName, copiesByTarget, isOpen, timeOfDay, type CopiesAt, type CopiesState } from "../../targets";
import { useMinuteOfDay, useNow } from "../now";
import { useFormat } from "../wording";
import { Ago } from "./Ago";
import { CopyReceipt } from "./CopyReceipt";
import { Failure, useReportFailure } from "./Failure";
import { StateBadge, type StateLook } from "./StateBadge";
import { KindIcon, TargetHead, useWhere } from "./TargetLook";

/** No event tells of each byte. */
const LOOK_AGAIN_MS = 2_000;

const LOOKS: Record<CopiesState, StateLook> = {
  sending: { icon: IconCloudUpload, color: "blue" },
  given_up: { icon: IconAlertTriangle, color: "red" },
  failing: { icon: IconAlertTriangle, color: "red" },
  waiting: { icon: IconHourglass, color: "blue" },
  there: { icon: IconCircleCheck, color: "teal" },
};

export function Copies({ recording }: { recording: Recording }) {
  const { t } = useTranslation("panel");
  const targets = useQuery({ queryKey: keys.targets, queryFn: api.targets });
  const known = targets.data?.items ?? [];
  const moves = ({ state, target }: Copy) =>
    state === "waiting" && known.some(({ id, enabled }) => id === target && enabled);
  const copies = useQuery({
    queryKey: keys.copiesOf(recording.id),
    queryFn: () => api.copies(recording.id),
    refetchInterval: ({ state }) => (state.data?.items.some(moves) ? LOOK_AGAIN_MS : false),
  });
  const at = copiesByTarget(copies.data?.items ?? []);
  if (known.length === 0 && at.length === 0) return null;
  const failed = at.some(({ error, givenUp }) => error !== null || givenUp > 0);
  const missing = known.filter(({ id, enabled }) => enabled && at.every(({ target }) => target !== id));
  // Before its film is made there is nothing to copy, and then it goes by itself.
  const done = recording.state === "ready" || recording.state === "parked";
  return (
    <Paper className="surface" p="md" component="section" aria-label={t("copies.title")}>
      <Group justify="space-between" align="flex-start" mb="sm">
        <Stack gap={0} flex="1 1 280px">
          <Title order={2} size="h4">
            {t("copies.title")}
          </Title>
          <Text c="dimmed" size="sm">
            {t("copies.text")}
          </Text>
        </Stack>
        <Group gap="xs">
          {failed && <Retry recording={recording.id} />}
          {done && missing.length > 0 && <CopyTo recording={recording.id} targets={missing} />}
        </Group>
      </Group>
      {copies.error && <Failure error={copies.error} />}
      {copies.data && at.length === 0 && <Text c="dimmed">{t(done ? "copies.none" : "copies.none_yet")}</Text>}
      <Stack gap="lg" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {at.map((one) => (
          <Row key={one.target} at={one} target={known.find(({ id }) => id === one.target)} />
        ))}
      </Stack>
    </Paper>
  );
}

function Retry({ recording }: { recording: string }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const retry = useMutation({
    mutationFn: () => api.retryCopies(recording),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.copies }),
    onError: useReportFailure(),
  });
  return (
    <Button
      variant="default"
      loading={retry.isPending}
      leftSection={<IconRefresh size={18} aria-hidden />}
      onClick={() => retry.mutate()}
    >
      {t("targets.retry")}
    </Button>
  );
}

function CopyTo({ recording, targets }: { recording: string; targets: Target[] }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const where = useWhere();
  const copy = useMutation({
    mutationFn: (target: string) => api.copyTo(recording, target),
    async onSuccess() {
      await cache.invalidateQueries({ queryKey: keys.copies });
      await cache.invalidateQueries({ queryKey: keys.targets });
    },
    onError: useReportFailure(),
  });
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" loading={copy.isPending} leftSection={<IconCopy size={18} aria-hidden />}>
          {t("copies.copy_to")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown maw={320}>
        {targets.map(({ id, name, place }) => (
          <Menu.Item key={id} onClick={() => copy.mutate(id)}>
            <Text size="sm"><Name>{name}</Name></Text>
            <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {where(place)}
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

interface RowProps {
  at: CopiesAt;
  /** Nothing: the list of targets is not here yet. */
  target: Target | undefined;
}

function Row({ at, target }: RowProps) {
  const { t } = useTranslation("panel");
  const name = target?.name ?? t("copies.gone");
  return (
    <Stack component="li" gap="xs">
      <Group wrap="nowrap" align="flex-start" gap="sm">
        {target && <KindIcon kind={target.place.kind} />}
        {target ? <TargetHead name={name} place={target.place} /> : <Text fw={500}>{name}</Text>}
      </Group>
      <Group gap="xs">
        <StateBadge look={LOOKS[at.state]} word={t(`copies.state.${at.state}`)} />
        <Text size="sm" component="div">
          <Words at={at} target={target} />
        </Text>
      </Group>
      {at.state === "sending" && (
        <Progress
          value={at.done}
          size="md"
          aria-label={t("copies.progress_of", { name })}
          transitionDuration={200}
        />
      )}
      {at.state !== "there" && at.error && (
        <Text size="sm" c="var(--mantine-color-error)" style={{ overflowWrap: "anywhere" }}>
          {t("targets.failed", { error: at.error })}
        </Text>
      )}
      <CopyReceipt at={at} name={name} />
    </Stack>
  );
}

function Words({ at, target }: RowProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { sending, waiting, givenUp } = at;
  const minute = useMinuteOfDay();
  if (at.state === "there" && at.deliveredAt) {
    const count = at.copies.length;
    const words = { count, shown: format.number(count), size: format.bytes(at.bytes) };
    return (
      <>
        {t("copies.there", words)} <Ago at={at.deliveredAt} />
      </>
    );
  }
  if (sending) {
    const sent = sending.sent ?? 0;
    const of =
      sent >= sending.bytes
        ? t("targets.checking")
        : t("targets.sent_of", { sent: format.bytes(sent), size: format.bytes(sending.bytes) });
    return `${baseName(sending.file)} · ${of}`;
  }
  if (waiting === 0) return t("copies.given_up", { count: givenUp, shown: format.number(givenUp) });
  const waits = t("copies.waiting", { count: waiting, shown: format.number(waiting) });
  if (target && !target.enabled) return `${waits} ${t("copies.off")}`;
  if (target?.hours && !isOpen(target.hours, minute)) {
    return `${waits} ${t("copies.later", { time: timeOfDay(target.hours.from) })}`;
  }
  return (
    <>
      {waits} {at.state === "failing" && at.nextAt && <Again at={at.nextAt} />}
    </>
  );
}

function Again({ at }: { at: string }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const seconds = (Date.parse(at) - useNow()) / 1000;
  return seconds > 1 ? t("copies.again", { when: format.ahead(seconds) }) : t("copies.again_now");
}
