// One room: who is in it, its recording, its invite link, its end.
import { Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconBookmark,
  IconPlayerPause,
  IconPlayerRecord,
  IconPlayerStop,
  IconVideo,
  IconX,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Room } from "../../api/schema";
import { templates } from "../../api/templates";
import { Ago, Elapsed } from "../parts/Ago";
import { Confirm } from "../parts/Confirm";
import { Detail } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { Invite } from "../parts/InviteDialog";
import { MoreMenu } from "../parts/MoreMenu";
import { NameDialog } from "../parts/NameDialog";
import { People } from "../parts/People";
import { RecordingTime } from "../parts/RecordingTime";
import { RoomLinks } from "../parts/RoomLinks";
import { RoomRules } from "../parts/RoomRules";
import { Streams } from "../parts/Streams";
import { WhipKeys } from "../parts/WhipKeys";
import { useMay } from "../session";
import { RoomTemplateDialog } from "../templates/RoomTemplateDialog";

export function RoomPage({ id }: { id: string }) {
  const query = useQuery({ queryKey: keys.room(id), queryFn: () => api.room(id) });
  return (
    <Detail of="rooms" query={query} height={320}>
      {(room) => <RoomView room={room} />}
    </Detail>
  );
}

function RoomView({ room }: { room: Room }) {
  const { t } = useTranslation("panel");
  const may = useMay();
  const runs = may("run_rooms");
  return (
    <>
      <Heading
        title={room.name}
        lead={
          room.meeting ? (
            <>
              {t("rooms.people", { count: room.meeting.participants })} · {t("rooms.meeting_for")}{" "}
              <Elapsed since={room.meeting.started_at} />
            </>
          ) : (
            <>
              {t("rooms.nobody")} · {t("rooms.created")} <Ago at={room.created_at} />
            </>
          )
        }
      >
        <RoomActions room={room} />
      </Heading>
      <Stack gap="md">
        {room.meeting && may("record") && <RecordingPanel room={room} running={room.meeting.recording} />}
        <Paper className="surface" p="md" component="section">
          <Title order={2} size="h4" mb="sm">
            {t("room.people")}
          </Title>
          {room.meeting ? (
            <People room={room.id} />
          ) : (
            <Text c="dimmed">{t("room.nobody_text")}</Text>
          )}
        </Paper>
        {runs && room.invite === null && (
          <Paper className="surface" p="md" component="section">
            <Title order={2} size="h4" mb="sm">
              {t("room.invite")}
            </Title>
            <Invite room={room} />
          </Paper>
        )}
        {runs && room.invite !== null && <RoomRules room={room} />}
        {runs && room.invite !== null && <RoomLinks room={room} />}
        {may("record") && <Streams room={room.id} meets={room.meeting !== null} />}
        {runs && room.invite !== null && <WhipKeys room={room.id} />}
      </Stack>
    </>
  );
}

function RoomActions({ room }: { room: Room }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [, go] = useLocation();
  const [renaming, rename] = useDisclosure(false);
  const [ending, end] = useDisclosure(false);
  const [deleting, remove] = useDisclosure(false);
  const [saving, save] = useDisclosure(false);
  const [taking, take] = useDisclosure(false);
  const may = useMay();
  const refresh = () => cache.invalidateQueries({ queryKey: keys.rooms });

  return (
    <>
      <Button
        component="a"
        href={`/meet/${room.id}`}
        target="_blank"
        rel="noopener"
        leftSection={<IconVideo size={18} aria-hidden />}
      >
        {room.meeting ? t("rooms.join") : t("rooms.open")}
      </Button>
      {room.meeting && may("moderate") && (
        <Button
          variant="default"
          leftSection={<IconX size={18} aria-hidden />}
          onClick={end.open}
        >
          {t("room.end")}
        </Button>
      )}
      {may("run_rooms") && (
        <MoreMenu
          rename={rename.open}
          remove={remove.open}
          removal={t("room.delete")}
          template={room.invite === null ? undefined : save.open}
          fromTemplate={room.invite === null ? undefined : take.open}
        />
      )}
      <RoomTemplateDialog room={room} opened={taking} close={take.close} />
      <NameDialog
        opened={saving}
        close={save.close}
        title={t("templates.save_room_title", { name: room.name })}
        label={t("templates.name")}
        description={t("templates.save_room_text")}
        initial={room.name}
        action={t("templates.save")}
        run={async (name) => {
          await templates.create({ name, room: room.id, default: false, settings: {} });
          await cache.invalidateQueries({ queryKey: keys.roomTemplates });
          go("/rooms/templates");
        }}
      />
      <NameDialog
        opened={renaming}
        close={rename.close}
        title={t("room.rename")}
        label={t("rooms.name")}
        initial={room.name}
        action={t("save")}
        run={async (name) => {
          await api.renameRoom(room.id, name);
          await refresh();
        }}
      />
      <Confirm
        opened={ending}
        close={end.close}
        title={t("room.end_title")}
        text={t("room.end_text", { count: room.meeting?.participants ?? 0 })}
        action={t("room.end")}
        run={() => api.endMeeting(room.id)}
        done={() => void refresh()}
      />
      <Confirm
        opened={deleting}
        close={remove.close}
        title={t("room.delete_title", { name: room.name })}
        text={t("room.delete_text")}
        action={t("room.delete")}
        run={() => api.deleteRoom(room.id)}
        done={() => {
          cache.removeQueries({ queryKey: keys.room(room.id) });
          void cache.invalidateQueries({ queryKey: keys.rooms, exact: true });
          go("/rooms");
        }}
      />
    </>
  );
}

type Running = NonNullable<Room["meeting"]>["recording"];

function RecordingPanel({ room, running }: { room: Room; running: Running }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [marker, setMarker] = useState("");
  const refresh = () => cache.invalidateQueries({ queryKey: keys.rooms });
  const start = useMutation({ mutationFn: () => api.startRecording(room.id), onSuccess: refresh });
  const [stopping, stop] = useDisclosure(false);
  const paused = running?.paused ?? false;
  // What is sent is what is recorded.
  const outputs = useQuery({ queryKey: keys.outputsOf(room.id), queryFn: () => api.outputs(room.id) });
  const sent = outputs.data?.items.length ?? 0;
  const pause = useMutation({
    mutationFn: () => api.pauseRecording(room.id, !paused),
    onSuccess: refresh,
  });
  const mark = useMutation({
    mutationFn: (text: string) => api.markRecording(room.id, text),
    onSuccess: () => setMarker(""),
  });
  const error = start.error ?? mark.error ?? pause.error;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (marker.trim() !== "") mark.mutate(marker.trim());
  };

  return (
    <Paper className="surface" p="md" component="section">
      <Group justify="space-between" gap="sm">
        <Title order={2} size="h4">
          {t("room.recording")}
        </Title>
        {running && <RecordingTime since={running.started_at} paused={paused} />}
      </Group>
      <Text c="dimmed" size="sm" mt={4} mb="sm">
        {t(running ? (paused ? "room.paused_text" : "room.recording_text") : "room.not_recording_text")}
      </Text>
      {running ? (
        <Group align="flex-end" gap="xs">
          <form onSubmit={submit} style={{ flex: "1 1 240px" }}>
            <Group gap="xs" align="flex-end" wrap="nowrap">
              <TextInput
                label={t("room.marker")}
                placeholder={t("room.marker_example")}
                value={marker}
                maxLength={120}
                style={{ flex: 1 }}
                onChange={(event) => setMarker(event.currentTarget.value)}
              />
              <Button
                type="submit"
                variant="default"
                loading={mark.isPending}
                disabled={marker.trim() === ""}
                leftSection={<IconBookmark size={16} aria-hidden />}
              >
                {t("room.marker_set")}
              </Button>
            </Group>
          </form>
          <Button
            variant="default"
            loading={pause.isPending}
            leftSection={
              paused ? <IconPlayerRecord size={18} aria-hidden /> : <IconPlayerPause size={18} aria-hidden />
            }
            onClick={() => pause.mutate()}
          >
            {t(paused ? "room.recording_resume" : "room.recording_pause")}
          </Button>
          <Button
            color="red.8"
            leftSection={<IconPlayerStop size={18} aria-hidden />}
            onClick={stop.open}
          >
            {t("room.recording_stop")}
          </Button>
          <Confirm
            opened={stopping}
            close={stop.close}
            title={t("room.recording_stop_title")}
            text={[t("room.recording_stop_text"), sent > 0 && t("room.recording_stop_streams", { count: sent })]
              .filter(Boolean)
              .join(" ")}
            action={t("room.recording_stop")}
            run={() => api.stopRecording(room.id)}
            done={() => void refresh()}
          />
        </Group>
      ) : (
        <Button
          variant="light"
          color="red"
          loading={start.isPending}
          leftSection={<IconPlayerRecord size={18} aria-hidden />}
          onClick={() => start.mutate()}
        >
          {t("room.recording_start")}
        </Button>
      )}
      {error && <Failure error={error} />}
    </Paper>
  );
}
