// For weak networks: no cameras, neither one's own nor the others'. Sound and shared screens stay.
import { RoomEvent, Track, type RemoteTrackPublication, type Room } from "livekit-client";
import { useEffect, useState } from "react";

export interface SoundOnly {
  on: boolean;
  turn: () => void;
}

export function useSoundOnly(room: Room): SoundOnly {
  const [on, setOn] = useState(false);
  useEffect(() => {
    if (!on) return;
    const people = () => [...room.remoteParticipants.values()];
    const cameras = () =>
      people().flatMap((person) => person.getTrackPublication(Track.Source.Camera) ?? []);
    const published = (publication: RemoteTrackPublication) => {
      if (publication.source === Track.Source.Camera) publication.setSubscribed(false);
    };
    for (const camera of cameras()) camera.setSubscribed(false);
    room.on(RoomEvent.TrackPublished, published);
    return () => {
      room.off(RoomEvent.TrackPublished, published);
      for (const camera of cameras()) camera.setSubscribed(true);
    };
  }, [room, on]);
  const turn = () => {
    // One's own camera is switched off, and only by hand on again: nobody is shown unasked.
    if (!on) void room.localParticipant.setCameraEnabled(false);
    setOn(!on);
  };
  return { on, turn };
}
