// All rooms, those with a meeting first.
import { Badge, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDoor, IconLink, IconPlus, IconTemplate, IconUsers, IconVideo } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Room } from "../../api/schema";
import { Ago, Elapsed } from "../parts/Ago";
import { EmptyState } from "../parts/EmptyState";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { InviteDialog } from "../parts/InviteDialog";
import { RecordingTime } from "../parts/RecordingTime";
import { useMay } from "../session";
import { SetupReminder } from "../setup/SetupReminder";
import { NewRoomDialog } from "../templates/NewRoomDialog";

export function RoomsPage() {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [, go] = useLocation();
  const rooms = useQuery({ queryKey: keys.rooms, queryFn: api.rooms });
  const [creating, dialog] = useDisclosure(false);
  const may = useMay();

  const created = (room: Room) => {
    void cache.invalidateQueries({ queryKey: keys.rooms });
    go(`/rooms/${room.id}`);
  };
  const button = may("run_rooms") && (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={dialog.open}>
      {t("rooms.new")}
    </Button>
  );

  return (
    <>
      <Heading title={t("nav.rooms")} lead={rooms.data && <Summary rooms={rooms.data.items} />}>
        {may("run_rooms") && (
          <Button
            component={Link}
            href="/rooms/templates"
            variant="default"
            leftSection={<IconTemplate size={18} aria-hidden />}
          >
            {t("templates.open")}
          </Button>
        )}
        {rooms.data && rooms.data.items.length > 0 && button}
      </Heading>
      <SetupReminder />
      {rooms.error && <Failure error={rooms.error} retry={() => void rooms.refetch()} />}
      {rooms.isPending && <Skeleton height={144} radius="lg" />}
      {rooms.data?.items.length === 0 && (
        <EmptyState icon={IconDoor} title={t("rooms.empty")} text={t("rooms.empty_text")}>
          {button}
        </EmptyState>
      )}
      {rooms.data && rooms.data.items.length > 0 && (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          {meetingsFirst(rooms.data.items).map((room) => (
            <RoomCard key={room.id} room={room} />
          ))}
        </SimpleGrid>
      )}
      <NewRoomDialog opened={creating} close={dialog.close} done={created} />
    </>
  );
}

function meetingsFirst(rooms: Room[]): Room[] {
  return [...rooms].sort(
    (a, b) => Number(b.meeting !== null) - Number(a.meeting !== null) || a.name.localeCompare(b.name),
  );
}

function Summary({ rooms }: { rooms: Room[] }) {
  const { t } = useTranslation("panel");
  const meetings = rooms.filter((room) => room.meeting).length;
  const people = rooms.reduce((sum, room) => sum + (room.meeting?.participants ?? 0), 0);
  if (rooms.length === 0) return null;
  if (meetings === 0) return <>{t("rooms.quiet")}</>;
  return (
    <>
      {t("rooms.meetings", { count: meetings })}, {t("rooms.people", { count: people })}
    </>
  );
}

function RoomCard({ room }: { room: Room }) {
  const { t } = useTranslation("panel");
  const [inviting, invite] = useDisclosure(false);
  const may = useMay();
  const open = room.meeting ? t("rooms.join") : t("rooms.open");
  return (
    <Paper className="surface" p="md">
      <Stack gap="md" h="100%" justify="space-between">
        <Stack gap={6}>
          <Group justify="space-between" wrap="nowrap" align="flex-start">
            <Title order={2} size="h4" style={{ overflowWrap: "anywhere" }}>
              <Link href={`/rooms/${room.id}`} className="plain">
                <Name>{room.name}</Name>
              </Link>
            </Title>
            {room.meeting?.recording && (
              <RecordingTime
                since={room.meeting.recording.started_at}
                paused={room.meeting.recording.paused}
              />
            )}
          </Group>
          {room.meeting ? (
            <Group gap="xs">
              <Badge
                variant="light"
                size="lg"
                tt="none"
                leftSection={<IconUsers size={14} aria-hidden />}
              >
                {t("rooms.people", { count: room.meeting.participants })}
              </Badge>
              <Text size="sm" c="dimmed">
                {t("rooms.meeting_for")} <Elapsed since={room.meeting.started_at} />
              </Text>
            </Group>
          ) : (
            <Text size="sm" c="dimmed">
              {t("rooms.nobody")} · {t("rooms.created")} <Ago at={room.created_at} />
            </Text>
          )}
        </Stack>
        <Group gap="xs">
          <Button
            component="a"
            href={`/meet/${room.id}`}
            target="_blank"
            rel="noopener"
            px="sm"
            variant={room.meeting ? "filled" : "light"}
            leftSection={<IconVideo size={18} aria-hidden />}
            aria-label={t("rooms.named", { action: open, name: room.name })}
          >
            {open}
          </Button>
          {may("run_rooms") && (
            <Button
              px="sm"
              variant="default"
              leftSection={<IconLink size={18} aria-hidden />}
              onClick={invite.open}
              aria-label={t("rooms.named", { action: t("rooms.invite"), name: room.name })}
            >
              {t("rooms.invite")}
            </Button>
          )}
          <Button
            component={Link}
            href={`/rooms/${room.id}`}
            px="sm"
            variant="subtle"
            color="gray"
            aria-label={t("rooms.named", { action: t("rooms.details"), name: room.name })}
          >
            {t("rooms.details")}
          </Button>
        </Group>
      </Stack>
      <InviteDialog room={room} opened={inviting} close={invite.close} />
    </Paper>
  );
}
