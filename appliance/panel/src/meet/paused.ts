// Whether the box holds a picture back, because the network does not carry it.
import { isTrackReference, type TrackReferenceOrPlaceholder } from "@livekit/components-react";
import { ParticipantEvent, Track } from "livekit-client";
import { useEffect, useState } from "react";

export function usePaused(reference: TrackReferenceOrPlaceholder): boolean {
  const track = isTrackReference(reference) ? reference.publication.track : undefined;
  const [paused, setPaused] = useState(false);
  useEffect(() => {
    const look = () => setPaused(track?.streamState === Track.StreamState.Paused);
    look();
    const { participant } = reference;
    participant.on(ParticipantEvent.TrackStreamStateChanged, look);
    return () => {
      participant.off(ParticipantEvent.TrackStreamStateChanged, look);
    };
    // The reference is new with each render; what it names is not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [track]);
  return paused;
}
