// "Please unmute": a message to one person. Nobody's microphone is ever switched on from afar.
import { RoomEvent, type RemoteParticipant, type Room } from "livekit-client";
import { useEffect, useState } from "react";

const TOPIC = "roombox.ask-to-unmute";

export async function askToUnmute(room: Room, identity: string): Promise<void> {
  await room.localParticipant.publishData(new Uint8Array(), {
    reliable: true,
    topic: TOPIC,
    destinationIdentities: [identity],
  });
}

/** Who asks, until it is answered. */
export function useAsked(room: Room): { by: string | null; answered: () => void } {
  const [by, setBy] = useState<string | null>(null);
  useEffect(() => {
    const heard = (_: Uint8Array, from?: RemoteParticipant, __?: unknown, topic?: string) => {
      if (topic === TOPIC && from && !room.localParticipant.isMicrophoneEnabled) {
        setBy(from.name || from.identity);
      }
    };
    room.on(RoomEvent.DataReceived, heard);
    return () => {
      room.off(RoomEvent.DataReceived, heard);
    };
  }, [room]);
  return { by, answered: () => setBy(null) };
}
