// Guests who wait to be let in. The box alone says of somebody that they wait; to everybody but
// moderators it does not even say that they are there.
import { useParticipants } from "@livekit/components-react";
import type { Participant } from "livekit-client";

const ATTRIBUTE = "roombox.waiting";

/** What somebody waits for; null: they are in. */
export type Awaited = "host" | "word";

export function awaitedBy(person: Pick<Participant, "attributes">): Awaited | null {
  const waits = person.attributes[ATTRIBUTE];
  if (waits === undefined || waits === "") return null;
  return waits === "host_absent" ? "host" : "word";
}

/** Whether this change of somebody's attributes says that they were let in. */
export function wasLetIn(
  changed: Record<string, string>,
  person: Pick<Participant, "attributes">,
): boolean {
  return ATTRIBUTE in changed && awaitedBy(person) === null;
}

/** Everybody in the meeting, oneself first; the component follows. */
export function usePeople(): Participant[] {
  return useParticipants().filter((person) => awaitedBy(person) === null);
}

/** Those who wait, the longest first; the component follows. */
export function useKnocking(): Participant[] {
  const knocking = useParticipants().filter((person) => awaitedBy(person) !== null);
  return knocking.sort((a, b) => (a.joinedAt?.getTime() ?? 0) - (b.joinedAt?.getTime() ?? 0));
}

const passKey = (room: string) => `roombox.pass.${room}`;

/** The token with which this tab was in the room last: who was let in does not wait twice. */
export function lastPass(room: string): string | null {
  return sessionStorage.getItem(passKey(room));
}

export function keepPass(room: string, token: string): void {
  sessionStorage.setItem(passKey(room), token);
}
