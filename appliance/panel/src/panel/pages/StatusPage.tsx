// How the box is: processor, disk, meetings, media threads. Everything moves by itself.
import { Paper, SimpleGrid, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Status } from "../../api/schema";
import { HealthGlance } from "../parts/Alarms";
import { DiskBar } from "../parts/DiskBar";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { useMay } from "../session";
import { Load } from "../status/Load";
import { Meetings } from "../status/Meetings";
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
          <Meetings status={status.data} />
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
