// Whether the meeting is recorded and since when: for everybody, not only for who pressed Record.
import { useIsRecording } from "@livekit/components-react";
import { RoomEvent, type Room } from "livekit-client";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { door } from "../api/door";
import { clock } from "../format";

export interface RecordingNow {
  on: boolean;
  /** It runs, but nothing is recorded now; null while that is being asked. */
  paused: boolean | null;
  /** Milliseconds since 1970; null while the box has not said it. */
  since: number | null;
}

/** While it is paused nobody tells that it has ended: the door is asked. */
const ASK_AGAIN_MS = 5_000;

export function useRecording(room: Room, roomId: string, invite: string | null): RecordingNow {
  const on = useIsRecording(room);
  const [since, setSince] = useState<number | null>(null);
  const [paused, setPaused] = useState<boolean | null>(false);
  // One that goes on after the box was away is off and on again before anything is drawn.
  const [changes, setChanges] = useState(0);

  useEffect(() => {
    // Who is here when it begins sees the time at once; the box's own word follows.
    const changed = (recording: boolean) => {
      setSince(recording ? Date.now() : null);
      // Whether it has ended or is paused the door says.
      setPaused(recording ? false : null);
      setChanges((before) => before + 1);
    };
    room.on(RoomEvent.RecordingStatusChanged, changed);
    return () => {
      room.off(RoomEvent.RecordingStatusChanged, changed);
    };
  }, [room]);

  useEffect(() => {
    let stale = false;
    const ask = () =>
      void door.look(roomId, invite).then(
        (plate) => {
          if (stale) return;
          const began = plate.recording_started_at;
          if (on && began) setSince(Date.parse(began));
          setPaused(!on && plate.recording_paused);
        },
        () => undefined,
      );
    ask();
    const again = paused ? setInterval(ask, ASK_AGAIN_MS) : undefined;
    return () => {
      stale = true;
      clearInterval(again);
    };
  }, [on, paused, changes, roomId, invite]);

  return { on, paused: on ? false : paused, since };
}

export function RecordingSign({ recording }: { recording: RecordingNow }) {
  const { t } = useTranslation("meet");
  if (recording.paused) return <span className="recording-sign paused">{t("recording_paused")}</span>;
  if (!recording.on) return null;
  return (
    <span className="recording-sign">
      <span className="red-dot" aria-hidden />
      {t("recording")}
      {recording.since !== null && <Running since={recording.since} />}
    </span>
  );
}

function Running({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <time>{clock(now - since)}</time>;
}
