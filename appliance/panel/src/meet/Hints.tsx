// What the meeting has to say: the connection, the network, and "you are muted".
import {
  useConnectionQualityIndicator,
  useConnectionState,
  useLocalParticipant,
} from "@livekit/components-react";
import { ConnectionQuality, ConnectionState, Track, type LocalAudioTrack } from "livekit-client";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { listenTo } from "./devices";
import type { SoundOnly } from "./soundOnly";

interface HintsProps {
  soundOnly: SoundOnly;
  /** Shows what is wrong with the network. */
  why: () => void;
}

export function Hints({ soundOnly, why }: HintsProps) {
  const { t } = useTranslation("meet");
  const state = useConnectionState();
  const { localParticipant } = useLocalParticipant();
  const { quality } = useConnectionQualityIndicator({ participant: localParticipant });
  const speaksMuted = useSpeaksMuted();
  const away =
    state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting;
  const weak = quality === ConnectionQuality.Poor || quality === ConnectionQuality.Lost;

  return (
    <div className="hints" role="status">
      {away && (
        <p className="hint strong">
          <span className="spinner small" aria-hidden />
          {t("hint.reconnecting")}
        </p>
      )}
      {!away && (weak || soundOnly.on) && (
        <p className="hint">
          {soundOnly.on ? t("hint.sound_only") : t("hint.weak")}
          <button type="button" onClick={soundOnly.turn}>
            {soundOnly.on ? t("sound_only_end") : t("sound_only")}
          </button>
          {weak && (
            <button type="button" onClick={why}>
              {t("hint.why")}
            </button>
          )}
        </p>
      )}
      {!away && speaksMuted && (
        <p className="hint">
          {t("hint.muted")}
          <span className="with-keys">
            {t("hint.muted_key")} <kbd>M</kbd>
          </span>
        </p>
      )}
    </div>
  );
}

/** Louder than a room is by itself. */
const VOICE = 0.55;
/** About a third of a second of voice: a cough is not speech. */
const VOICE_TURNS = 5;
const SHOWN_MS = 4_000;

/**
 * Whether somebody talks while muted. The microphone is heard here and nowhere else: the clone is
 * never published.
 */
function useSpeaksMuted(): boolean {
  const { localParticipant, isMicrophoneEnabled } = useLocalParticipant();
  const publication = localParticipant.getTrackPublication(Track.Source.Microphone);
  const track = publication?.track as LocalAudioTrack | undefined;
  const source = isMicrophoneEnabled ? undefined : track?.mediaStreamTrack;
  const [speaks, setSpeaks] = useState(false);

  useEffect(() => {
    if (!source || source.readyState === "ended") return;
    const clone = source.clone();
    clone.enabled = true;
    let turns = 0;
    let hide: ReturnType<typeof setTimeout> | undefined;
    const end = listenTo(clone, (level) => {
      turns = level > VOICE ? turns + 1 : 0;
      if (turns < VOICE_TURNS) return;
      setSpeaks(true);
      clearTimeout(hide);
      hide = setTimeout(() => setSpeaks(false), SHOWN_MS);
    });
    return () => {
      end();
      clone.stop();
      clearTimeout(hide);
      setSpeaks(false);
    };
  }, [source]);

  return speaks;
}
