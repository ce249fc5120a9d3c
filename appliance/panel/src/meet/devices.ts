// Camera and microphone before the meeting: open them, say why not, list them, measure the level.
import {
  createLocalAudioTrack,
  createLocalVideoTrack,
  Room,
  VideoPresets,
  type LocalAudioTrack,
  type LocalVideoTrack,
} from "livekit-client";
import { useEffect, useRef, useState } from "react";

export type Trouble = "insecure" | "refused" | "missing" | "busy" | "other";

export function troubleOf(error: unknown): Trouble {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "other";
}

/** Browsers give devices only to pages that nobody could have changed on the way. */
export function devicesAllowed(): boolean {
  return window.isSecureContext && navigator.mediaDevices !== undefined;
}

type Kind = "audio" | "video";
type TrackOf<K extends Kind> = K extends "audio" ? LocalAudioTrack : LocalVideoTrack;

export interface Preview<K extends Kind> {
  track: TrackOf<K> | null;
  trouble: Trouble | null;
  /** From now on the meeting owns the track: it is not stopped with the preview. */
  handOver: () => void;
}

/** One open device while `on`; another device when `deviceId` changes. */
export function usePreview<K extends Kind>(kind: K, on: boolean, deviceId: string | undefined): Preview<K> {
  const [track, setTrack] = useState<TrackOf<K> | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const handed = useRef<TrackOf<K> | null>(null);

  useEffect(() => {
    if (!on || !devicesAllowed()) return;
    let stale = false;
    let opened: TrackOf<K> | null = null;
    open(kind, deviceId).then(
      (fresh) => {
        opened = fresh;
        if (stale) fresh.stop();
        else {
          setTrouble(null);
          setTrack(fresh);
        }
      },
      (error: unknown) => !stale && setTrouble(troubleOf(error)),
    );
    return () => {
      stale = true;
      // One that opened after the handing over belongs to nobody: its light must not stay on.
      if (opened !== handed.current) opened?.stop();
      setTrack(null);
    };
  }, [kind, on, deviceId]);

  return {
    track,
    trouble: on && !devicesAllowed() ? "insecure" : trouble,
    handOver: () => {
      handed.current = track;
    },
  };
}

async function open<K extends Kind>(kind: K, deviceId: string | undefined): Promise<TrackOf<K>> {
  const device = deviceId === undefined ? {} : { deviceId };
  const track =
    kind === "audio"
      ? await createLocalAudioTrack(device)
      : await createLocalVideoTrack({ ...device, resolution: VideoPresets.h720.resolution });
  return track as TrackOf<K>;
}

/** The devices of a kind; names are known once one of them was opened (`known` changes then). */
export function useDevices(kind: MediaDeviceKind, known: boolean): MediaDeviceInfo[] {
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    if (!devicesAllowed()) return;
    let stale = false;
    const list = () => {
      Room.getLocalDevices(kind, false).then(
        (found) => !stale && setDevices(found.filter((device) => device.deviceId !== "")),
        () => !stale && setDevices([]),
      );
    };
    list();
    navigator.mediaDevices.addEventListener("devicechange", list);
    return () => {
      stale = true;
      navigator.mediaDevices.removeEventListener("devicechange", list);
    };
  }, [kind, known]);
  return devices;
}

/** Calls `heard` with the loudness of a track, 0 to 1, about 15 times a second. */
export function listenTo(track: MediaStreamTrack, heard: (level: number) => void): () => void {
  const context = new AudioContext();
  // Without a click on the page yet, browsers keep the context asleep.
  void context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    heard(levelOf(power));
  }, 66);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

/** -60 dB is silence, -10 dB is loud. */
export function levelOf(power: number): number {
  const decibels = 10 * Math.log10(power + 1e-10);
  return Math.min(1, Math.max(0, (decibels + 60) / 50));
}
