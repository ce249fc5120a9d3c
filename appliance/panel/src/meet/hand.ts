// Raised hands: an attribute of the person with the time, so that everybody sees who was first, and
// whoever comes later too.
import { useParticipantAttributes } from "@livekit/components-react";
import type { Participant, Room } from "livekit-client";

const ATTRIBUTE = "hand";

/** When somebody raised a hand, in milliseconds since 1970; null: it is down. */
export function raisedAt(person: Pick<Participant, "attributes">): number | null {
  const at = Number(person.attributes[ATTRIBUTE] ?? "");
  return Number.isFinite(at) && at > 0 ? at : null;
}

/** The same, and the component follows it. */
export function useHand(participant: Participant): number | null {
  return raisedAt({ attributes: useParticipantAttributes({ participant }).attributes ?? {} });
}

/** Raises one's own hand, or takes it down. */
export async function turnHand(room: Room): Promise<void> {
  const me = room.localParticipant;
  await me.setAttributes({ [ATTRIBUTE]: raisedAt(me) === null ? String(Date.now()) : "" });
}

/** Hands first, the longest raised one on top; all others as they were. */
export function handsFirst<T extends Pick<Participant, "attributes">>(people: T[]): T[] {
  const at = (person: T) => raisedAt(person) ?? Number.POSITIVE_INFINITY;
  return people
    .map((person, place) => ({ person, place }))
    .sort((a, b) => (at(a.person) === at(b.person) ? a.place - b.place : at(a.person) - at(b.person)))
    .map(({ person }) => person);
}
