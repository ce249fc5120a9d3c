// The meeting: stage, bar, drawers, and everything it has to say.
import {
  RoomAudioRenderer,
  RoomContext,
  useChat,
  useConnectionState,
} from "@livekit/components-react";
import { ConnectionState, RoomEvent, type DisconnectReason, type Room } from "livekit-client";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Door } from "../api/schema";
import { useAllowed } from "./allowed";
import { moderation } from "../api/moderation";
import { Announcer } from "./Announcer";
import { useAsked } from "./asking";
import { Bar } from "./Bar";
import { Captions, useCaptions } from "./Captions";
import { Chat } from "./Chat";
import { DeviceDialog } from "./DeviceDialog";
import { troubleOf, type Trouble } from "./devices";
import { DeviceTrouble } from "./DeviceTrouble";
import { turnHand } from "./hand";
import { Hints } from "./Hints";
import { KeysDialog } from "./KeysDialog";
import { useKeys } from "./keys";
import { KnockingNotice } from "./Knocking";
import type { View } from "./layout";
import type { Wishes } from "./Meeting";
import { NetworkDialog } from "./NetworkDialog";
import { PeopleDrawer } from "./PeopleDrawer";
import { PollNotice } from "./PollNotice";
import { Polls } from "./Polls";
import { RecordDialog } from "./RecordDialog";
import { RecordingSign, useRecording } from "./recording";
import { useSoundOnly } from "./soundOnly";
import { Stage } from "./Stage";
import { TimerDialog } from "./TimerDialog";
import { TimerSign } from "./TimerSign";
import { unanswered, useTools } from "./tools";
import { useUnread } from "./unread";

export type Drawer = "chat" | "people" | "polls" | null;
export type Dialog = "record" | "devices" | "keys" | "network" | "timer" | null;

interface InMeetingProps {
  roomId: string;
  invite: string | null;
  door: Door;
  room: Room;
  wishes: Wishes;
  moderator: boolean;
  /** Of whoever moderates without an account, by a personal link: they do not record. */
  token: string | null;
  ended: (
    reason: DisconnectReason | undefined,
    devices: Pick<Wishes, "microphone" | "camera">,
  ) => void;
}

export function InMeeting(props: InMeetingProps) {
  return (
    <RoomContext.Provider value={props.room}>
      <RoomAudioRenderer />
      <Frame {...props} />
    </RoomContext.Provider>
  );
}

function Frame({ roomId, invite, door, room, wishes, moderator, token, ended }: InMeetingProps) {
  const { t } = useTranslation("meet");
  const [drawer, setDrawer] = useState<Drawer>(null);
  const [dialog, setDialog] = useState<Dialog>(null);
  const [view, setView] = useState<View>("grid");
  const [trouble, setTrouble] = useState<{ source: "microphone" | "camera"; why: Trouble } | null>(
    null,
  );
  const recording = useRecording(room, roomId, invite);
  const chat = useChat();
  const away = useConnectionState() !== ConnectionState.Connected;
  const may = useAllowed();
  const acts = moderation(roomId, token);
  const records = moderator && token === null;
  const asked = useAsked(room);
  const soundOnly = useSoundOnly(room);
  const captions = useCaptions(room);
  const tools = useTools(room, roomId);
  const unread = useUnread(chat.chatMessages.length, drawer === "chat");

  // Where to tell about the end may change with each render; the listener must not.
  const tell = useRef(ended);
  useEffect(() => {
    tell.current = ended;
  });
  const devices = useRef({ microphone: wishes.microphone, camera: wishes.camera });
  useEffect(() => {
    const me = room.localParticipant;
    const remember = () => {
      // What the end of the connection takes away was not switched off by the person.
      if (room.state !== ConnectionState.Connected) return;
      devices.current = { microphone: me.isMicrophoneEnabled, camera: me.isCameraEnabled };
    };
    const left = (reason?: DisconnectReason) => tell.current(reason, devices.current);
    const failed = (error: Error) => setTrouble({ source: "camera", why: troubleOf(error) });
    const changes = [
      RoomEvent.LocalTrackPublished,
      RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted,
    ] as const;
    for (const change of changes) room.on(change, remember);
    room.on(RoomEvent.Disconnected, left);
    room.on(RoomEvent.MediaDevicesError, failed);
    return () => {
      for (const change of changes) room.off(change, remember);
      room.off(RoomEvent.Disconnected, left);
      room.off(RoomEvent.MediaDevicesError, failed);
    };
  }, [room]);

  const switchDevice = useCallback(
    (source: "microphone" | "camera") => {
      const me = room.localParticipant;
      const work =
        source === "microphone"
          ? me.setMicrophoneEnabled(!me.isMicrophoneEnabled)
          : me.setCameraEnabled(!me.isCameraEnabled);
      work.then(
        () => setTrouble(null),
        (error: unknown) => setTrouble({ source, why: troubleOf(error) }),
      );
    },
    [room],
  );
  const share = useCallback(() => {
    const me = room.localParticipant;
    me.setScreenShareEnabled(!me.isScreenShareEnabled, { audio: true }).catch(() => {
      // The person closed the browser's own choice: nothing happened, nothing to say.
    });
  }, [room]);
  const hand = useCallback(() => {
    turnHand(room).catch(() => {
      // The connection is gone: the page says that already.
    });
  }, [room]);
  const openDrawer = (wanted: Drawer) => setDrawer(drawer === wanted ? null : wanted);
  const changeView = () => setView(view === "grid" ? "speaker" : "grid");

  useKeys({
    m: () => switchDevice("microphone"),
    v: () => may.camera && switchDevice("camera"),
    s: () => may.share && share(),
    h: hand,
    c: () => openDrawer("chat"),
    p: () => openDrawer("people"),
    u: () => openDrawer("polls"),
    g: changeView,
    r: () => records && setDialog("record"),
    t: () => captions.there && captions.turn(),
    "?": () => setDialog("keys"),
  });

  return (
    <div
      className={[
        "meeting",
        drawer && "with-drawer",
        away && "away",
        captions.there && captions.on && "captioned",
      ]
        .filter(Boolean)
        .join(" ")}
    >
      <header className="meeting-head">
        <h1>{door.room}</h1>
        <RecordingSign recording={recording} />
        <TimerSign tools={tools} />
      </header>
      {moderator && drawer !== "people" && (
        <KnockingNotice acts={acts} show={() => setDrawer("people")} />
      )}
      <Stage view={view} />
      <Captions captions={captions} />
      <Hints soundOnly={soundOnly} why={() => setDialog("network")} />
      {drawer !== "polls" && <PollNotice tools={tools} show={() => setDrawer("polls")} />}
      {asked.by !== null && (
        <div className="hint-card" role="alertdialog" aria-label={t("asked", { name: asked.by })}>
          <p>{t("asked", { name: asked.by })}</p>
          <div className="row">
            <button type="button" onClick={asked.answered}>
              {t("asked_no")}
            </button>
            <button
              type="button"
              className="primary"
              onClick={() => {
                asked.answered();
                if (!room.localParticipant.isMicrophoneEnabled) switchDevice("microphone");
              }}
            >
              {t("unmute")}
            </button>
          </div>
        </div>
      )}
      {trouble && (
        <div className="hint-card">
          <DeviceTrouble
            microphone={trouble.source === "microphone" ? trouble.why : null}
            camera={trouble.source === "camera" ? trouble.why : null}
          />
          <button type="button" onClick={() => setTrouble(null)}>
            {t("understood")}
          </button>
        </div>
      )}
      <Bar
        view={view}
        drawer={drawer}
        unread={unread}
        toAnswer={unanswered(tools.view?.polls ?? []).length}
        recording={recording.on || recording.paused === true}
        soundOnly={soundOnly.on}
        captions={captions.there ? captions.on : null}
        moderator={moderator}
        records={records}
        act={{
          microphone: () => switchDevice("microphone"),
          camera: () => switchDevice("camera"),
          share,
          hand,
          chat: () => openDrawer("chat"),
          people: () => openDrawer("people"),
          polls: () => openDrawer("polls"),
          timer: () => setDialog("timer"),
          view: changeView,
          record: () => setDialog("record"),
          devices: () => setDialog("devices"),
          keys: () => setDialog("keys"),
          network: () => setDialog("network"),
          soundOnly: soundOnly.turn,
          captions: captions.turn,
          leave: () => void room.disconnect(),
        }}
      />
      {drawer === "chat" && (
        <Chat chat={chat} tools={tools} writes={may.chat} close={() => setDrawer(null)} />
      )}
      {drawer === "polls" && <Polls tools={tools} close={() => setDrawer(null)} />}
      {drawer === "people" && (
        <PeopleDrawer acts={moderator ? acts : null} close={() => setDrawer(null)} />
      )}
      {dialog === "record" && (
        <RecordDialog roomId={roomId} recording={recording} close={() => setDialog(null)} />
      )}
      {dialog === "timer" && <TimerDialog tools={tools} close={() => setDialog(null)} />}
      {dialog === "network" && <NetworkDialog close={() => setDialog(null)} />}
      {dialog === "devices" && <DeviceDialog close={() => setDialog(null)} />}
      {dialog === "keys" && (
        <KeysDialog records={records} captions={captions.there} close={() => setDialog(null)} />
      )}
      <Announcer recording={recording} moderator={moderator} message={chat.chatMessages.at(-1)} />
    </div>
  );
}
