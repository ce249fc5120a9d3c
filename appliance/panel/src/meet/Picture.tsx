// One's own camera, as a mirror; words while there is nothing to see.
import type { LocalVideoTrack } from "livekit-client";
import { useTranslation } from "react-i18next";
import { useAttached } from "./attached";

export function Picture({ track, words }: { track: LocalVideoTrack | null; words: string }) {
  const { t } = useTranslation("meet");
  const video = useAttached(track);
  return (
    <>
      <video ref={video} muted playsInline hidden={!track} aria-label={t("before.preview")} />
      {!track && <p>{words}</p>}
    </>
  );
}
