// One person or one screen.
import {
  isTrackReference,
  useConnectionQualityIndicator,
  useIsMuted,
  useIsSpeaking,
  useParticipantInfo,
  VideoTrack,
  type TrackReferenceOrPlaceholder,
} from "@livekit/components-react";
import {
  IconAntennaBarsOff,
  IconHandStop,
  IconMicrophoneOff,
  IconPin,
  IconPinnedOff,
  IconScreenShare,
} from "@tabler/icons-react";
import { ConnectionQuality, Track } from "livekit-client";
import { useTranslation } from "react-i18next";
import { Name } from "../Name";
import { isolated } from "../direction";
import { comerOf } from "./comer";
import { initialsOf } from "./initials";
import { useHand } from "./hand";
import { usePaused } from "./paused";

interface TileProps {
  track: TrackReferenceOrPlaceholder;
  large: boolean;
  pinned: boolean;
  pin: () => void;
}

export function Tile({ track, large, pinned, pin }: TileProps) {
  const { t } = useTranslation(["meet", "shared"]);
  const { participant } = track;
  const { name, identity } = useParticipantInfo({ participant });
  const isScreen = track.source === Track.Source.ScreenShare;
  const silent = useIsMuted({ participant, source: Track.Source.Microphone });
  const dark = useIsMuted(track);
  const speaking = useIsSpeaking(participant);
  const { quality } = useConnectionQualityIndicator({ participant });
  const weak = quality === ConnectionQuality.Poor || quality === ConnectionQuality.Lost;
  const raised = useHand(participant) !== null && !isScreen;
  const paused = usePaused(track);
  const called = name || identity || "?";
  const shown = participant.isLocal ? `${isolated(called)} (${t("shared:you")})` : called;
  const came = isScreen ? null : comerOf(identity ?? "");
  const title = isScreen ? t("stage.screen_of", { name: called }) : shown;
  const states = [
    title,
    came && t(`came.${came}`),
    !isScreen && silent && t("stage.muted"),
    !isScreen && speaking && t("stage.speaks"),
    weak && t("stage.weak"),
    raised && t("stage.hand"),
    paused && t("stage.paused"),
  ].filter(Boolean);

  return (
    <figure
      className={["tile", speaking && !isScreen && "speaking", isScreen && "screen", large && "is-large"]
        .filter(Boolean)
        .join(" ")}
      aria-label={states.join(", ")}
    >
      {isTrackReference(track) && !dark && !paused ? (
        <VideoTrack
          trackRef={track}
          className={participant.isLocal && !isScreen ? "mirrored" : undefined}
        />
      ) : (
        <span className="initials" aria-hidden>
          {initialsOf(called)}
        </span>
      )}
      {raised && (
        <span className="hand" aria-hidden>
          <IconHandStop size={20} />
        </span>
      )}
      {paused && (
        <span className="paused" aria-hidden>
          {t("stage.paused")}
        </span>
      )}
      <figcaption>
        {isScreen && <IconScreenShare size={16} aria-hidden />}
        {!isScreen && silent && <IconMicrophoneOff size={16} aria-hidden />}
        {weak && <IconAntennaBarsOff size={16} aria-hidden />}
        <span>
          <Name>{title}</Name>
        </span>
        {came && <span className="came">{t(`came.${came}`)}</span>}
      </figcaption>
      <button
        type="button"
        className="pin"
        aria-pressed={pinned}
        aria-label={t(pinned ? "stage.unpin" : "stage.pin", { name: title })}
        title={t(pinned ? "stage.unpin" : "stage.pin", { name: title })}
        onClick={pin}
      >
        {pinned ? <IconPinnedOff size={18} aria-hidden /> : <IconPin size={18} aria-hidden />}
      </button>
    </figure>
  );
}
