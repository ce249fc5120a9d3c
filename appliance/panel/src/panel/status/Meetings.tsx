// What each meeting takes, the dearest first.
import { Anchor, Paper, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Status } from "../../api/schema";
import { useFormat } from "../wording";

export function Meetings({ status }: { status: Status }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const rooms = useQuery({ queryKey: keys.rooms, queryFn: api.rooms });
  // Rooms of programs have no page here, and are called what media clients call them.
  const names = new Map(rooms.data?.items.map((room) => [room.id, room.name]));
  const percent = (value: number | null) => (value === null ? "–" : format.percent(value));
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4">
        {t("status.dearest")}
      </Title>
      <Text c="dimmed" size="sm" mb="sm">
        {status.meetings.length === 0 ? t("status.dearest_none") : t("status.dearest_text")}
      </Text>
      {status.meetings.length > 0 && (
        <div className="scroll-x" role="region" aria-label={t("status.dearest")} tabIndex={0}>
          <Table verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("status.room")}</Table.Th>
                <Table.Th ta="right">{t("shards.people")}</Table.Th>
                <Table.Th ta="right">{t("status.of_a_core")}</Table.Th>
                <Table.Th ta="right">{t("status.packets")}</Table.Th>
                <Table.Th ta="right">{t("status.loss_in")}</Table.Th>
                <Table.Th ta="right">{t("status.loss_out")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {status.meetings.map((meeting) => (
                <Table.Tr key={meeting.room}>
                  <Table.Td>
                    {names.has(meeting.room) ? (
                      <Anchor component={Link} href={`/rooms/${meeting.room}`}>
                        {names.get(meeting.room)}
                      </Anchor>
                    ) : (
                      meeting.room
                    )}
                  </Table.Td>
                  <Table.Td ta="right">{format.number(meeting.participants)}</Table.Td>
                  <Table.Td ta="right">{format.percent(meeting.cpu_percent)}</Table.Td>
                  <Table.Td ta="right">{format.number(meeting.packets_per_s)}</Table.Td>
                  <Table.Td ta="right">{percent(meeting.loss.in_percent)}</Table.Td>
                  <Table.Td ta="right">{percent(meeting.loss.out_percent)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Paper>
  );
}
