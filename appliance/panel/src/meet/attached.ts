// A track of one's own camera in a video element.
import type { LocalVideoTrack } from "livekit-client";
import { useEffect, useRef, type RefObject } from "react";

/** Where the track is shown while there is one. */
export function useAttached(track: LocalVideoTrack | null): RefObject<HTMLVideoElement | null> {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (!element || !track) return;
    track.attach(element);
    return () => {
      track.detach(element);
    };
  }, [track]);
  return video;
}
