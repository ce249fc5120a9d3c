// How the box is: processor, disk, meetings, media threads. Everything moves by itself.
import { Group, Paper, SimpleGrid, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Status } from "../../api/schema";
import { HealthGlance } from "../parts/Alarms";
import { DiskBar } from "../parts/DiskBar";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { Plot } from "../parts/Plot";
import { useMay } from "../session";
import { useFormat } from "../wording";

export function StatusPage() {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const may = useMay();
  const status = useQuery({ queryKey: keys.status, queryFn: api.status });
  return (
    <>
      <Heading
        title={t("nav.status")}
        lead={status.data && t("status.lead", {
            span: format.span(status.data.uptime_s),
            ago: format.ahead(-status.data.uptime_s),
          })}
      />
      {status.error && <Failure error={status.error} retry={() => void status.refetch()} />}
      {status.isPending && <Skeleton height={480} radius="lg" />}
      {status.data && (
        <Stack gap="md">
          {may("configure") && <HealthGlance />}
          <Figures status={status.data} />
          <DiskBar disk={status.data.disk} dropped={status.data.recorder_drops} />
          <Load status={status.data} />
          <Shards status={status.data} />
        </Stack>
      )}
    </>
  );
}

function Figures({ status }: { status: Status }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const figures = [
    {
      name: t("status.cpu"),
      value: format.percent(status.cpu_percent),
      note: t("status.cores", { count: status.cores }),
    },
    {
      name: t("status.memory"),
      value: format.bytes(status.memory_bytes),
      note: t("status.memory_note"),
    },
    {
      name: t("status.meetings"),
      value: format.number(status.rooms),
      note: t("rooms.people", { count: status.participants }),
    },
    {
      name: t("status.recordings"),
      value: format.number(status.recordings),
      note: t("status.recordings_note"),
    },
  ];
  return (
    <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="md" component="dl" m={0}>
      {figures.map(({ name, value, note }) => (
        <Paper key={name} className="surface" p="md">
          <Text size="sm" c="dimmed" component="dt">
            {name}
          </Text>
          <Text component="dd" m={0} fz={{ base: 22, sm: 28 }} fw={600} lh={1.25}>
            {value}
          </Text>
          <Text component="dd" m={0} size="sm" c="dimmed">
            {note}
          </Text>
        </Paper>
      ))}
    </SimpleGrid>
  );
}

function Load({ status }: { status: Status }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const times = status.history.map((point) => Date.parse(point.at) / 1000);
  // Seconds, as long as marks would else say the same minute twice.
  const brief = (times.at(-1) ?? 0) - (times[0] ?? 0) < 300;
  const time = new Intl.DateTimeFormat(format.language, { timeStyle: brief ? "medium" : "short" });
  const writeTime = (seconds: number) => time.format(seconds * 1000);
  const received = t("status.received");
  const sent = t("status.sent");
  const latest = status.history.at(-1);

  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Paper className="surface" p="md" component="section">
        <Title order={2} size="h4" mb="xs">
          {t("status.cpu")}
        </Title>
        <Plot
          title={t("status.cpu")}
          times={times}
          lines={[
            {
              label: t("status.cpu"),
              color: "--plot-line",
              values: status.history.map((point) => point.cpu_percent),
            },
          ]}
          write={format.percent}
          writeTime={writeTime}
          atLeast={20}
        />
      </Paper>
      <Paper className="surface" p="md" component="section">
        <Group justify="space-between" mb="xs" gap="xs">
          <Title order={2} size="h4">
            {t("status.network")}
          </Title>
          <Group gap="sm">
            <Swatch
              color="--plot-line"
              words={`${received} ${format.bitRate(latest?.bytes_in_per_s ?? 0)}`}
            />
            <Swatch
              color="--plot-other"
              words={`${sent} ${format.bitRate(latest?.bytes_out_per_s ?? 0)}`}
            />
          </Group>
        </Group>
        <Plot
          title={t("status.network")}
          times={times}
          lines={[
            {
              label: received,
              color: "--plot-line",
              values: status.history.map((point) => point.bytes_in_per_s),
            },
            {
              label: sent,
              color: "--plot-other",
              values: status.history.map((point) => point.bytes_out_per_s),
            },
          ]}
          write={format.bitRate}
          writeTime={writeTime}
          atLeast={12_500}
        />
      </Paper>
    </SimpleGrid>
  );
}

function Swatch({ color, words }: { color: string; words: string }) {
  return (
    <Group gap={6} wrap="nowrap">
      <span className="legend-swatch" style={{ background: `var(${color})` }} />
      <Text size="xs" c="dimmed">
        {words}
      </Text>
    </Group>
  );
}

function Shards({ status }: { status: Status }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4">
        {t("shards.title")}
      </Title>
      <Text c="dimmed" size="sm" mb="sm">
        {t("shards.text")}
      </Text>
      <div className="scroll-x" role="region" aria-label={t("shards.title")} tabIndex={0}>
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("shards.port")}</Table.Th>
              <Table.Th ta="right">{t("shards.rooms")}</Table.Th>
              <Table.Th ta="right">{t("shards.people")}</Table.Th>
              <Table.Th ta="right">{t("status.cpu")}</Table.Th>
              <Table.Th ta="right">{t("status.received")}</Table.Th>
              <Table.Th ta="right">{t("status.sent")}</Table.Th>
              <Table.Th ta="right">{t("shards.dropped")}</Table.Th>
              <Table.Th ta="right">{t("shards.turn")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {status.shards.map((shard) => (
              <Table.Tr key={shard.port}>
                <Table.Td>UDP {shard.port}</Table.Td>
                <Table.Td ta="right">{format.number(shard.rooms)}</Table.Td>
                <Table.Td ta="right">{format.number(shard.participants)}</Table.Td>
                <Table.Td ta="right">{format.percent(shard.cpu_percent)}</Table.Td>
                <Table.Td ta="right">{format.bytes(shard.bytes_in)}</Table.Td>
                <Table.Td ta="right">{format.bytes(shard.bytes_out)}</Table.Td>
                <Table.Td ta="right">{format.number(shard.send_drops)}</Table.Td>
                <Table.Td ta="right">{format.number(shard.longest_turn_us / 1000, 1)} ms</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Paper>
  );
}
