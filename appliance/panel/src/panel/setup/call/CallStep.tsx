// The test call: see yourself, hear the speaker, then join, record and watch. It comes with the media client,
// which is why it is a part of its own.
import { Alert, Anchor, Button, Group, Select, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import type { LocalTrack } from "livekit-client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../../api/client";
import { keys } from "../../../api/keys";
import type { Me, Recording, Room, ScheduledEvent } from "../../../api/schema";
import { usePreview } from "../../../meet/devices";
import { Failure } from "../../parts/Failure";
import { useNow } from "../../now";
import { useFormat } from "../../wording";
import { StepFrame, type StepProps } from "../StepFrame";
import { Course } from "./Course";
import { Devices } from "./Devices";
import { NoQuietRoom } from "./NoQuietRoom";
import { aroundNow, isTheSchedules, recordsItself } from "./quiet";
import { Speaker } from "./Speaker";
import { TestCall, type CallState } from "./testCall";

interface CallStepProps extends StepProps {
  me: Me;
  passedAt: string | null;
}

export default function CallStep({ me, passedAt, ...props }: CallStepProps) {
  const { t } = useTranslation("setup");
  const format = useFormat();
  const rooms = useQuery({ queryKey: keys.rooms, queryFn: api.rooms, refetchOnMount: "always" });
  const planned = useQuery({ ...aroundNow, refetchOnMount: "always" });
  const kept = rooms.data?.items.filter((room) => room.invite !== null) ?? [];
  return (
    <StepFrame title={t("call.title")} text={t("call.text")} stuck={props.state === "open" && t("call.stuck")} {...props}>
      {passedAt && props.state === "done" && (
        <Text size="sm">{t("call.passed", { when: format.dateTime(passedAt) })}</Text>
      )}
      {(rooms.isPending || planned.isPending) && <Skeleton height={240} radius="md" />}
      {rooms.error && <Failure error={rooms.error} retry={() => void rooms.refetch()} />}
      {planned.error && <Failure error={planned.error} retry={() => void planned.refetch()} />}
      {rooms.data && kept.length === 0 && (
        <Alert color="yellow">
          {t("call.no_room")}{" "}
          <Anchor component={Link} underline="always" href="/setup/room" size="sm">
            {t("call.make_room")}
          </Anchor>
        </Alert>
      )}
      {kept.length > 0 && planned.data && (
        <CallDesk me={me} rooms={kept} planned={planned.data} pass={() => props.mark("passed")} />
      )}
    </StepFrame>
  );
}

/** What became of it in the end. */
type Verdict = { word: "deleted" } | { word: "kept" | "theirs" | "no"; recording: Recording };

interface CallDeskProps {
  me: Me;
  rooms: Room[];
  planned: ScheduledEvent[];
  pass: () => Promise<void>;
}

/** Holds the call while its parts come and go, and ends it with the page. */
function CallDesk({ me, rooms, planned, pass }: CallDeskProps) {
  const { t } = useTranslation("setup");
  const cache = useQueryClient();
  const [state, setState] = useState<CallState>({ at: "ready" });
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [chosen, choose] = useState<string | null>(null);
  /** In which room the last call was. */
  const [held, hold] = useState("");
  /** A call stops the devices that it was given: the next one opens them anew. */
  const [attempt, setAttempt] = useState(0);
  const call = useRef<TestCall | null>(null);
  useEffect(() => () => call.current?.stop(), []);

  const now = useNow();
  const free = rooms.filter((room) => !recordsItself(room, planned, now));
  const empty = free.find(({ meeting }) => !meeting || meeting.participants === 0);
  const room = free.find(({ id }) => id === chosen) ?? empty ?? free[0] ?? null;

  const start = (tracks: LocalTrack[], take: () => void) => {
    if (!room) return;
    setVerdict(null);
    hold(room.name);
    const own = new TestCall({
      room: { id: room.id, name: room.name },
      person: me.name,
      tracks,
      take,
      title: t("call.recording_title"),
      told(next) {
        if (call.current !== own) return;
        setState(next);
        if (next.at === "failed" && own.hasTaken) setAttempt((count) => count + 1);
      },
    });
    call.current = own;
    void own.run().finally(() => void cache.invalidateQueries({ queryKey: keys.rooms }));
  };
  const stop = () => {
    call.current?.stop();
    if (call.current?.hasTaken) setAttempt((count) => count + 1);
    call.current = null;
    setState({ at: "ready" });
  };
  const judge = (next: Verdict) => {
    setVerdict(next);
    if (next.word === "no") setAttempt((count) => count + 1);
  };
  return (
    <Call key={attempt} {...{ room, rooms, free, held, state, verdict, choose, start, stop, pass, judge }} />
  );
}

interface CallProps {
  /** In which the next call is; `null`: there is none that may be used. */
  room: Room | null;
  rooms: Room[];
  /** Those that may be used. */
  free: Room[];
  held: string;
  state: CallState;
  verdict: Verdict | null;
  choose: (room: string | null) => void;
  start: (tracks: LocalTrack[], take: () => void) => void;
  stop: () => void;
  pass: () => Promise<void>;
  judge: (verdict: Verdict) => void;
}

const RUNS = ["joining", "measuring", "recording"];

function Call({ room, rooms, free, held, state, verdict, choose, start, stop, pass, judge }: CallProps) {
  const { t } = useTranslation("setup");
  const [microphoneId, setMicrophone] = useState<string>();
  const [cameraId, setCamera] = useState<string>();
  const inCall = RUNS.includes(state.at);
  const idle = state.at === "ready" || state.at === "failed" || verdict?.word === "no";
  // While its film is made and watched, no light is on.
  const audio = usePreview("audio", idle || inCall, microphoneId);
  const video = usePreview("video", idle || inCall, cameraId);

  const begin = () => {
    const tracks = [audio.track, video.track].filter((track) => track !== null);
    start(tracks, () => {
      audio.handOver();
      video.handOver();
    });
  };
  const shown = idle || inCall;
  return (
    <Stack gap="lg">
      {shown && (
        <Devices audio={audio} video={video} chooseAudio={setMicrophone} chooseVideo={setCamera} />
      )}
      {idle && <Speaker />}
      <Stack gap="sm">
        <Title order={3} size="h5">
          {t("call.meet")}
        </Title>
        <Text size="sm" c="dimmed">
          {t("call.meet_text")}
        </Text>
        {idle && !room && <NoQuietRoom rooms={rooms} made={choose} />}
        {room && rooms.length > 1 && idle && (
          <Select
            label={t("call.room")}
            description={free.length < rooms.length ? t("call.room_some") : undefined}
            data={free.map(({ id, name }) => ({ value: id, label: name }))}
            value={room.id}
            allowDeselect={false}
            onChange={choose}
            maw={420}
          />
        )}
        {!verdict && <Course state={state} room={held} />}
        {state.at === "watch" && !verdict && (
          <Judge recording={state.recording} pass={pass} judged={judge} />
        )}
        {verdict && <Judged verdict={verdict} />}
        {idle && !audio.track && !video.track && (audio.trouble ?? video.trouble) && (
          <Text size="sm">{t("call.none")}</Text>
        )}
        <Group gap="sm">
          {idle && (
            <Button disabled={!room || (!audio.track && !video.track)} onClick={begin}>
              {t(state.at === "ready" ? "call.start" : "call.again")}
            </Button>
          )}
          {(inCall || state.at === "making") && (
            <Button variant="default" onClick={stop}>
              {t("call.stop")}
            </Button>
          )}
        </Group>
      </Stack>
    </Stack>
  );
}

interface JudgeProps {
  recording: Recording;
  pass: () => Promise<void>;
  judged: (verdict: Verdict) => void;
}

/** Only who sees and hears it knows. */
function Judge({ recording, pass, judged }: JudgeProps) {
  const { t } = useTranslation("setup");
  const cache = useQueryClient();
  const good = useMutation({
    mutationFn: async (keep: boolean): Promise<"kept" | "theirs" | "deleted"> => {
      await pass();
      if (keep) return "kept";
      if (await isTheSchedules(recording)) return "theirs";
      await api.deleteRecording(recording.id);
      return "deleted";
    },
    onSuccess(word) {
      void cache.invalidateQueries({ queryKey: keys.recordings });
      judged(word === "deleted" ? { word } : { word, recording });
    },
  });
  return (
    <Stack gap="sm">
      <Text>{t("call.question")}</Text>
      {good.error && <Failure error={good.error} />}
      <Group gap="sm">
        <Button loading={good.isPending} onClick={() => good.mutate(false)}>
          {t("call.yes_delete")}
        </Button>
        <Button variant="default" disabled={good.isPending} onClick={() => good.mutate(true)}>
          {t("call.yes_keep")}
        </Button>
        <Button
          variant="subtle"
          color="gray"
          disabled={good.isPending}
          onClick={() => judged({ word: "no", recording })}
        >
          {t("call.no")}
        </Button>
      </Group>
    </Stack>
  );
}

function Judged({ verdict }: { verdict: Verdict }) {
  const { t } = useTranslation("setup");
  if (verdict.word === "no") {
    return (
      <Alert color="orange" role="alert" title={t("call.failed.watched_title")}>
        <Text size="sm">{t("call.failed.watched")}</Text>
      </Alert>
    );
  }
  return (
    <Group gap="xs" wrap="nowrap" role="status" align="flex-start">
      <IconCircleCheck size={20} color="var(--plot-line)" aria-hidden style={{ flex: "none" }} />
      <Text size="sm">
        {t(`call.${verdict.word}`)}{" "}
        {verdict.word !== "deleted" && (
          <Anchor component={Link} underline="always" href={`/recordings/${verdict.recording.id}`} size="sm">{t("call.to_recording")}</Anchor>
        )}
      </Text>
    </Group>
  );
}
