// Before the meeting: see yourself, hear that the microphone works, say who you are.
import {
  IconDoorEnter,
  IconInfoCircle,
  IconMicrophone,
  IconMicrophoneOff,
  IconPlayerRecordFilled,
  IconVideo,
  IconVideoOff,
} from "@tabler/icons-react";
import { useEffect, useRef, useState, type SubmitEvent } from "react";
import type { LocalAudioTrack } from "livekit-client";
import { useTranslation } from "react-i18next";
import { api, Refusal } from "../api/client";
import type { Door } from "../api/schema";
import { useRefusalText } from "../i18n/refusal";
import { remember, remembered } from "../remembered";
import { codecFor } from "./codec";
import type { Wishes } from "./Meeting";
import { DeviceTrouble } from "./DeviceTrouble";
import { ContrastChoice } from "./ContrastChoice";
import { LanguageChoice } from "./LanguageChoice";
import { listenTo, useDevices, usePreview } from "./devices";
import { usePatience } from "./patience";
import { Picture } from "./Picture";

const NAME = "roombox.name";

interface BeforeProps {
  door: Door;
  guest: boolean;
  error: unknown;
  join: (wishes: Wishes) => Promise<void>;
}

export function Before({ door, guest, error, join }: BeforeProps) {
  const { t } = useTranslation("meet");
  const textOf = useRefusalText();
  const [name, setName] = useState(() => door.name ?? remembered(NAME) ?? "");
  const [pin, setPin] = useState("");
  const [microphone, setMicrophone] = useState(!door.muted);
  const [camera, setCamera] = useState(door.camera);
  // It may have been set after the door was looked at.
  const asksPin = door.pin || (error instanceof Refusal && error.code.startsWith("pin_"));
  const [microphoneId, setMicrophoneId] = useState<string>();
  const [cameraId, setCameraId] = useState<string>();
  const [joining, setJoining] = useState(false);
  const wait = usePatience(error);
  const audio = usePreview("audio", true, microphoneId);
  const video = usePreview("video", camera, cameraId);

  useEffect(() => {
    document.title = `${door.room} · ${door.box}`;
  }, [door]);
  useEffect(() => {
    // The owner's name is known; a guest's question would only be refused.
    if (guest || remembered(NAME)) return;
    api.session().then(
      (person) => setName((typed) => (typed === "" ? person.name : typed)),
      () => undefined,
    );
  }, [guest]);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const called = name.trim();
    if (called === "" || joining || wait > 0) return;
    if (door.name === null) remember(NAME, called);
    setJoining(true);
    if (!microphone) await audio.track?.mute();
    audio.handOver();
    video.handOver();
    const tracks = [audio.track, camera ? video.track : null].filter((track) => track !== null);
    await join({
      name: called,
      pin: pin.trim(),
      tracks,
      // What could not be opened here was said here: it need not fail once more inside.
      microphone: microphone && audio.trouble === null,
      camera: camera && video.trouble === null,
    });
    setJoining(false);
  };

  return (
    <main className="card-page">
      <form className="card before" onSubmit={(event) => void submit(event)}>
        <header>
          <div>
            <h1>{door.room}</h1>
            <p className="quiet">
              {door.participants === 0
                ? t("before.nobody")
                : t("before.people", { count: door.participants })}
            </p>
          </div>
          <div className="looks">
            <ContrastChoice />
            <LanguageChoice />
          </div>
        </header>

        <div className="preview">
          <Picture
            track={video.track}
            words={
              !door.camera
                ? t("before.camera_not")
                : !camera
                ? t("before.camera_is_off")
                : video.trouble
                  ? t("before.camera_none")
                  : t("before.camera_starting")
            }
          />
          <div className="preview-buttons">
            <button
              type="button"
              className="round"
              aria-pressed={microphone}
              aria-label={t("microphone")}
              title={microphone ? t("mute") : t("unmute")}
              onClick={() => setMicrophone(!microphone)}
            >
              {microphone ? <IconMicrophone aria-hidden /> : <IconMicrophoneOff aria-hidden />}
            </button>
            <button
              type="button"
              className="round"
              aria-pressed={camera}
              aria-label={t("camera")}
              disabled={!door.camera}
              title={
                !door.camera ? t("before.camera_not") : camera ? t("camera_off") : t("camera_on")
              }
              onClick={() => setCamera(!camera)}
            >
              {camera ? <IconVideo aria-hidden /> : <IconVideoOff aria-hidden />}
            </button>
          </div>
        </div>
        <LevelMeter track={microphone ? audio.track : null} />

        {(audio.trouble ?? video.trouble) && (
          <DeviceTrouble microphone={audio.trouble} camera={camera ? video.trouble : null} />
        )}

        <div className="fields">
          <DeviceChoice
            label={t("microphone")}
            kind="audioinput"
            known={audio.track !== null}
            chosen={microphoneId}
            choose={setMicrophoneId}
          />
          {door.camera && (
            <DeviceChoice
              label={t("camera")}
              kind="videoinput"
              known={video.track !== null}
              chosen={cameraId}
              choose={setCameraId}
            />
          )}
        </div>

        <label className="field">
          {t("before.name")}
          <input
            value={name}
            maxLength={100}
            required
            readOnly={door.name_fixed}
            autoComplete="name"
            placeholder={t("before.name_example")}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        </label>

        {asksPin && (
          <label className="field">
            {t("before.pin")}
            <input
              value={pin}
              maxLength={20}
              required
              inputMode="numeric"
              autoComplete="off"
              aria-describedby="pin-text"
              onChange={(event) => setPin(event.currentTarget.value)}
            />
            <span id="pin-text" className="quiet">
              {t("before.pin_text")}
            </span>
          </label>
        )}

        <p className={door.recording ? "notice-line recording" : "notice-line"}>
          <IconPlayerRecordFilled size={16} aria-hidden />
          {t(
            door.recording_paused
              ? "before.recording_paused"
              : door.recording
                ? "before.recorded_now"
                : "before.may_be_recorded",
          )}
        </p>
        {guest && door.lobby && (
          <p className="notice-line">
            <IconDoorEnter size={16} aria-hidden />
            {t("before.lobby")}
          </p>
        )}
        {limitsOf(door).map((limit) => (
          <p key={limit} className="notice-line">
            <IconInfoCircle size={16} aria-hidden />
            {t(`before.limits.${limit}`)}
          </p>
        ))}
        {error !== null && (
          <p className="error" role="alert">
            {textOf(error)}
          </p>
        )}
        <button type="submit" className="primary large" disabled={joining || wait > 0}>
          {joining
            ? t("before.joining")
            : wait > 0
              ? t("before.join_in", { count: wait })
              : t("before.join")}
        </button>
      </form>
    </main>
  );
}

/** What the room keeps from whoever stands at its door. */
function limitsOf(door: Door) {
  const limits = [
    codecFor(door.video_codecs) === null && "codec",
    door.muted && "muted",
    !door.camera && "camera",
    !door.share && "share",
    !door.chat && "chat",
  ] as const;
  return limits.filter((limit) => limit !== false);
}

function LevelMeter({ track }: { track: LocalAudioTrack | null }) {
  const { t } = useTranslation("meet");
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const element = bar.current;
    if (!element || !track) return;
    const end = listenTo(track.mediaStreamTrack, (level) => {
      element.style.transform = `scaleX(${level.toFixed(3)})`;
    });
    return () => {
      end();
      element.style.transform = "scaleX(0)";
    };
  }, [track]);
  return (
    <div className="meter">
      <IconMicrophone size={16} aria-hidden />
      <span className="meter-track" role="img" aria-label={t("before.level")}>
        <span ref={bar} className="meter-bar" />
      </span>
    </div>
  );
}

interface DeviceChoiceProps {
  label: string;
  kind: MediaDeviceKind;
  known: boolean;
  chosen: string | undefined;
  choose: (id: string) => void;
}

function DeviceChoice({ label, kind, known, chosen, choose }: DeviceChoiceProps) {
  const { t } = useTranslation("meet");
  const devices = useDevices(kind, known);
  return (
    <label className="field">
      {label}
      <select
        value={chosen ?? devices[0]?.deviceId ?? ""}
        disabled={devices.length === 0}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        {devices.length === 0 && <option value="">{t("before.no_device")}</option>}
        {devices.map((device, at) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t("before.device", { number: at + 1 })}
          </option>
        ))}
      </select>
    </label>
  );
}
