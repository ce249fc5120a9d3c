// One's own camera, as a mirror; words while there is nothing to see.
import type { LocalVideoTrack } from "livekit-client";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

export function Picture({ track, words }: { track: LocalVideoTrack | null; words: string }) {
  const { t } = useTranslation("meet");
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (!element || !track) return;
    track.attach(element);
    return () => {
      track.detach(element);
    };
  }, [track]);
  return (
    <>
      <video ref={video} muted playsInline hidden={!track} aria-label={t("before.preview")} />
      {!track && <p>{words}</p>}
    </>
  );
}
