// The way through a meeting: the door, the preview, the meeting, and what comes after.
//
//   door ──► before ──► waiting ──► in ──► gone
//     │          └───────────────────► │ ▲
//     └► refused                       ▼ │ (the connection was lost for good: come back by itself)
//                                   returning
//
// Waiting is the lobby. Whoever is let in goes on with the same connection; whoever leaves it or is
// turned away is gone, too.
import { DisconnectReason, Room, RoomEvent, Track, VideoPresets, type LocalTrack } from "livekit-client";
import { useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Refusal } from "../api/client";
import { door as entrance } from "../api/door";
import type { Door } from "../api/schema";
import { useRefusalText } from "../i18n/refusal";
import { cameByLink, moderates, type MeetingAddress } from "./address";
import { allowed } from "./allowed";
import { Before } from "./Before";
import { codecFor } from "./codec";
import { InMeeting } from "./InMeeting";
import { awaitedBy, keepPass, lastPass } from "./lobby";
import { Notice, type NoticeKind } from "./Notice";
import { Returning } from "./Returning";
import { Waiting } from "./Waiting";

export interface Wishes {
  name: string;
  /** What was typed where the door asks for a PIN. */
  pin: string;
  /** Preview tracks that go on in the meeting. */
  tracks: LocalTrack[];
  /** Which devices were on, for coming back. */
  microphone: boolean;
  camera: boolean;
}

type Stage =
  | { at: "door" }
  | { at: "refused"; error: unknown }
  | { at: "before"; door: Door; error: unknown }
  | { at: "waiting"; door: Door; room: Room; wishes: Wishes; moderator: boolean; token: string | null }
  | { at: "in"; door: Door; room: Room; wishes: Wishes; moderator: boolean; token: string | null }
  | { at: "returning"; door: Door; wishes: Wishes }
  | { at: "gone"; kind: NoticeKind };

/** Ends that somebody wanted: nobody is brought back after them. */
const WANTED: Partial<Record<DisconnectReason, NoticeKind>> = {
  [DisconnectReason.CLIENT_INITIATED]: "left",
  [DisconnectReason.DUPLICATE_IDENTITY]: "elsewhere",
  [DisconnectReason.PARTICIPANT_REMOVED]: "removed",
  [DisconnectReason.ROOM_DELETED]: "ended",
  [DisconnectReason.ROOM_CLOSED]: "ended",
};

/** Publishes what was on before. A device that fails leaves the person in the meeting without it. */
function bringDevices(room: Room, wishes: Wishes) {
  const me = room.localParticipant;
  const may = allowed(me.permissions);
  const lacks = (kind: Track.Kind) => !wishes.tracks.some((track) => track.kind === kind);
  const work: Promise<unknown>[] = wishes.tracks
    .filter((track) => may.camera || track.kind !== Track.Kind.Video)
    .map((track) => me.publishTrack(track));
  // Coming back, or joining before the preview was there: the wish counts, not the track.
  if (wishes.microphone && lacks(Track.Kind.Audio)) work.push(me.setMicrophoneEnabled(true));
  if (wishes.camera && may.camera && lacks(Track.Kind.Video)) work.push(me.setCameraEnabled(true));
  for (const step of work) {
    step.catch((error: Error) => room.emit(RoomEvent.MediaDevicesError, error));
  }
}

export function Meeting({ address }: { address: MeetingAddress }) {
  const { t } = useTranslation("meet");
  const textOf = useRefusalText();
  const [stage, setStage] = useState<Stage>({ at: "door" });
  const { room: roomId, invite } = address;

  useEffect(() => {
    if (stage.at !== "door") return;
    let stale = false;
    entrance.look(roomId, invite).then(
      (door) => !stale && setStage({ at: "before", door, error: null }),
      (error: unknown) => !stale && setStage({ at: "refused", error }),
    );
    return () => {
      stale = true;
    };
  }, [stage.at, roomId, invite]);

  const enter = useCallback(
    async (door: Door, wishes: Wishes) => {
      const comer = { name: wishes.name, pin: wishes.pin, invite, before: lastPass(roomId) };
      const pass = await entrance.enter(roomId, comer);
      const codec = codecFor(door.video_codecs);
      const room = new Room({
        adaptiveStream: true,
        dynacast: true,
        videoCaptureDefaults: { resolution: VideoPresets.h720.resolution },
        // The box sees each stop of a client at once; a closed tab must not stay as a frozen face.
        disconnectOnPageLeave: true,
        ...(codec ? { publishDefaults: { videoCodec: codec } } : {}),
      });
      await room.connect(location.origin.replace(/^http/, "ws"), pass.token);
      keepPass(roomId, pass.token);
      const waits = awaitedBy(room.localParticipant) !== null;
      const at = waits ? "waiting" : "in";
      const token = cameByLink(pass.token) ? pass.token : null;
      setStage({ at, door, room, wishes, moderator: moderates(pass.token), token });
      if (!waits) bringDevices(room, wishes);
    },
    [roomId, invite],
  );

  switch (stage.at) {
    case "door":
      return (
        <main className="card-page" aria-busy="true">
          <p className="quiet" role="status">
            {t("opening")}
          </p>
        </main>
      );
    case "refused":
      return (
        <Notice
          kind="closed"
          detail={
            stage.error instanceof Refusal && stage.error.status === 401
              ? t("notice.closed.text")
              : textOf(stage.error)
          }
          again={() => setStage({ at: "door" })}
        />
      );
    case "before":
      return (
        <Before
          door={stage.door}
          guest={invite !== null}
          error={stage.error}
          join={async (wishes) => {
            try {
              await enter(stage.door, wishes);
            } catch (error) {
              for (const track of wishes.tracks) track.stop();
              setStage({ ...stage, error });
            }
          }}
        />
      );
    case "waiting":
      return (
        <Waiting
          key={stage.room.localParticipant.sid}
          roomId={roomId}
          invite={invite}
          door={stage.door}
          room={stage.room}
          wishes={stage.wishes}
          admitted={() => {
            setStage({ ...stage, at: "in" });
            bringDevices(stage.room, stage.wishes);
          }}
          ended={(reason) => {
            for (const track of stage.wishes.tracks) track.stop();
            const kind = reason === undefined ? undefined : WANTED[reason];
            setStage(
              kind
                ? { at: "gone", kind: kind === "removed" ? "turned_away" : kind }
                : { at: "returning", door: stage.door, wishes: { ...stage.wishes, tracks: [] } },
            );
          }}
        />
      );
    case "in":
      return (
        <InMeeting
          key={stage.room.localParticipant.sid}
          roomId={roomId}
          invite={invite}
          door={stage.door}
          room={stage.room}
          wishes={stage.wishes}
          moderator={stage.moderator}
          token={stage.token}
          ended={(reason, devices) => {
            const kind = reason === undefined ? undefined : WANTED[reason];
            setStage(
              kind
                ? { at: "gone", kind }
                : { at: "returning", door: stage.door, wishes: { ...stage.wishes, ...devices, tracks: [] } },
            );
          }}
        />
      );
    case "returning":
      return (
        <Returning
          enter={() => enter(stage.door, stage.wishes)}
          giveUp={() => setStage({ at: "gone", kind: "left" })}
        />
      );
    case "gone":
      return <Notice kind={stage.kind} again={() => setStage({ at: "door" })} />;
  }
}
