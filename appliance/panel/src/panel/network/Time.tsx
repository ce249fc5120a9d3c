// The clock: its zone, and whether time servers set it.
import { Button, Group, Select, Skeleton, Stack, Switch, Text, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconCircleCheck, IconClock, IconHourglass } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { network, networkKeys } from "../../api/network";
import type { TimeView } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { StateBadge } from "../parts/StateBadge";
import { useMay } from "../session";
import { Card } from "../settings/Card";
import { SaveBar } from "../settings/SaveBar";
import { useFormat } from "../wording";
import { listOf } from "./draft";

/** A server may be reached meanwhile. */
const LOOK_MS = 30_000;

export function Time() {
  const { t } = useTranslation("panel");
  const time = useQuery({ queryKey: networkKeys.time, queryFn: network.time, refetchInterval: LOOK_MS });
  return (
    <Card title={t("network.time.title")} text={t("network.time.text")}>
      {time.error && <Failure error={time.error} retry={() => void time.refetch()} />}
      {time.isPending && <Skeleton height={240} radius="lg" />}
      {time.data && <Clock time={time.data} />}
    </Card>
  );
}

function Clock({ time }: { time: TimeView }) {
  const { t } = useTranslation("panel");
  const may = useMay();
  const { language } = useFormat();
  const look = !time.ntp
    ? { icon: IconClock, color: "gray", word: t("network.time.by_hand") }
    : time.synchronised
      ? {
          icon: IconCircleCheck,
          color: "teal",
          word: time.server
            ? t("network.time.synchronised", { server: time.server })
            : t("network.time.synchronised_by"),
        }
      : { icon: IconHourglass, color: "orange", word: t("network.time.waiting") };
  // In the box's zone, whatever the reader's is.
  const shown = new Intl.DateTimeFormat(language, {
    dateStyle: "full",
    timeStyle: "short",
    timeZone: time.zone,
  }).format(new Date(time.now));
  return (
    <>
      <Stack gap="xs">
        <Text>{t("network.time.now", { time: shown })}</Text>
        <Text size="sm" c="dimmed">
          {time.zone} · {time.now}
        </Text>
        {time.managed && <StateBadge look={look} word={look.word} />}
      </Stack>
      {!time.managed && (
        <Text size="sm" c="dimmed">
          {t("network.time.unmanaged")}
        </Text>
      )}
      {time.managed && may("run_network") && <ClockForm time={time} />}
    </>
  );
}

const valuesOf = ({ zone, ntp, servers }: TimeView) => ({ zone, ntp, servers: servers.join("\n") });

function ClockForm({ time }: { time: TimeView }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const form = useForm({ initialValues: valuesOf(time) });
  const zones = useMemo(
    () => [...new Set([time.zone, "UTC", ...Intl.supportedValuesOf("timeZone")])],
    [time.zone],
  );
  const saved = (next: TimeView) => {
    cache.setQueryData(networkKeys.time, next);
    form.setInitialValues(valuesOf(next));
    form.setValues(valuesOf(next));
  };
  const save = useMutation({
    mutationFn: ({ zone, ntp, servers }: ReturnType<typeof valuesOf>) =>
      network.putTime({ zone, ntp, servers: listOf(servers) }),
    onSuccess: saved,
  });
  const take = useMutation({
    mutationFn: () => network.putTime({ now: new Date().toISOString() }),
    onSuccess: saved,
  });
  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))} style={{ display: "grid", gap: 16 }}>
      <Select
        label={t("network.time.zone")}
        description={t("network.time.zone_text")}
        data={zones}
        searchable
        limit={200}
        allowDeselect={false}
        {...form.getInputProps("zone")}
      />
      <Switch
        label={t("network.time.ntp")}
        description={t("network.time.ntp_text")}
        disabled={!time.can_ntp}
        {...form.getInputProps("ntp", { type: "checkbox" })}
      />
      {form.values.ntp && (
        <Textarea
          label={t("network.time.servers")}
          description={t("network.time.servers_text")}
          placeholder="ntp.example.org"
          autosize
          minRows={1}
          maxRows={6}
          {...form.getInputProps("servers")}
        />
      )}
      {!time.ntp && !form.isDirty() && (
        <Group gap="sm">
          <Button variant="default" loading={take.isPending} onClick={() => take.mutate()}>
            {t("network.time.take")}
          </Button>
          <Text size="sm" c="dimmed" role="status">
            {take.isSuccess && t("network.time.taken")}
          </Text>
        </Group>
      )}
      {take.error && <Failure error={take.error} />}
      <SaveBar
        when="now"
        dirty={form.isDirty()}
        saving={save.isPending}
        saved={save.isSuccess}
        error={save.error}
        reset={form.reset}
      />
    </form>
  );
}
