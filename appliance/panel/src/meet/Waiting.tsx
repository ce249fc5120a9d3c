// In the lobby: connected, and with nothing of the meeting until somebody lets one in.
import {
  IconMicrophone,
  IconMicrophoneOff,
  IconPlayerRecordFilled,
  IconVideo,
  IconVideoOff,
} from "@tabler/icons-react";
import {
  LocalAudioTrack,
  LocalVideoTrack,
  RoomEvent,
  type DisconnectReason,
  type LocalTrack,
  type Room,
} from "livekit-client";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Door } from "../api/schema";
import { awaitedBy } from "./lobby";
import type { Wishes } from "./Meeting";
import { Picture } from "./Picture";
import { useRecording } from "./recording";

interface WaitingProps {
  roomId: string;
  invite: string | null;
  door: Door;
  room: Room;
  wishes: Wishes;
  admitted: () => void;
  ended: (reason: DisconnectReason | undefined) => void;
}

export function Waiting({ roomId, invite, door, room, wishes, admitted, ended }: WaitingProps) {
  const { t } = useTranslation("meet");
  const [awaited, setAwaited] = useState(() => awaitedBy(room.localParticipant));
  const recording = useRecording(room, roomId, invite);
  const heading = useRef<HTMLHeadingElement>(null);

  // Where to tell may change with each render; the listeners must not.
  const tell = useRef({ admitted, ended });
  useEffect(() => {
    tell.current = { admitted, ended };
  });
  useEffect(() => {
    let over = false;
    const look = () => {
      const now = awaitedBy(room.localParticipant);
      if (now !== null) {
        setAwaited(now);
        return;
      }
      // The SDK is in the middle of the change: what one may do now is set after this.
      queueMicrotask(() => {
        if (over) return;
        over = true;
        tell.current.admitted();
      });
    };
    const left = (reason?: DisconnectReason) => tell.current.ended(reason);
    const changes = [
      RoomEvent.ParticipantAttributesChanged,
      RoomEvent.ParticipantPermissionsChanged,
    ] as const;
    for (const change of changes) room.on(change, look);
    room.on(RoomEvent.Disconnected, left);
    // It may have been said before anybody listened.
    look();
    return () => {
      over = true;
      for (const change of changes) room.off(change, look);
      room.off(RoomEvent.Disconnected, left);
    };
  }, [room]);

  useEffect(() => {
    document.title = `${t("waiting.title")} · ${door.room}`;
    heading.current?.focus();
  }, [t, door.room]);

  const camera = wishes.tracks.find((track) => track instanceof LocalVideoTrack);
  const microphone = wishes.tracks.find((track) => track instanceof LocalAudioTrack);
  const cameraOn = useSwitch(camera);
  const microphoneOn = useSwitch(microphone);

  return (
    <main className="card-page">
      <section className="card before waiting">
        <header>
          <div>
            <h1 tabIndex={-1} ref={heading}>
              {door.room}
            </h1>
            <p className="quiet">{door.box}</p>
          </div>
        </header>
        {(camera || microphone) && (
          <div className="preview">
            <Picture
              track={camera && cameraOn.on ? camera : null}
              words={t("before.camera_is_off")}
            />
            <div className="preview-buttons">
              {microphone && (
                <DeviceButton
                  name={t("microphone")}
                  device={microphoneOn}
                  turns={microphoneOn.on ? t("mute") : t("unmute")}
                  icon={microphoneOn.on ? <IconMicrophone aria-hidden /> : <IconMicrophoneOff aria-hidden />}
                />
              )}
              {camera && (
                <DeviceButton
                  name={t("camera")}
                  device={cameraOn}
                  turns={cameraOn.on ? t("camera_off") : t("camera_on")}
                  icon={cameraOn.on ? <IconVideo aria-hidden /> : <IconVideoOff aria-hidden />}
                />
              )}
            </div>
          </div>
        )}
        <div className="waiting-words" role="status">
          <span className="spinner" aria-hidden />
          <div>
            <p>
              <strong>{t("waiting.title")}</strong>
            </p>
            <p className="quiet">{t(awaited === "host" ? "waiting.host" : "waiting.word")}</p>
          </div>
        </div>
        <p className="quiet">{t("waiting.unseen")}</p>
        {recording.on && (
          <p className="notice-line recording">
            <IconPlayerRecordFilled size={16} aria-hidden />
            {t("before.recorded_now")}
          </p>
        )}
        <button type="button" className="large" onClick={() => void room.disconnect()}>
          {t("leave")}
        </button>
      </section>
    </main>
  );
}

interface DeviceSwitch {
  on: boolean;
  turn: () => void;
}

interface DeviceButtonProps {
  name: string;
  device: DeviceSwitch;
  /** What pressing it does. */
  turns: string;
  icon: ReactNode;
}

function DeviceButton({ name, device, turns, icon }: DeviceButtonProps) {
  return (
    <button
      type="button"
      className="round"
      aria-pressed={device.on}
      aria-label={name}
      title={turns}
      onClick={device.turn}
    >
      {icon}
    </button>
  );
}

/** A device of one's own that nobody is sent anything of yet. */
function useSwitch(track: LocalTrack | undefined): DeviceSwitch {
  const [on, setOn] = useState(track !== undefined && !track.isMuted);
  const turn = () => {
    if (!track) return;
    const work = on ? track.mute() : track.unmute();
    work.then(
      () => setOn(!track.isMuted),
      // It did not open again: it stays off, and can be tried in the meeting.
      () => setOn(false),
    );
  };
  return { on, turn };
}
