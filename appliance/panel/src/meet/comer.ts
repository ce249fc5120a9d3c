// How somebody came into the meeting. The box signs the identity, so it holds; what people say of themselves in
// their name or attributes does not.

/** By the room's invite, or by a personal link; null: neither, or a program with an identity of its own. */
export type Comer = "guest" | "by_link";

export function comerOf(identity: string): Comer | null {
  if (identity.startsWith("guest_")) return "guest";
  return identity.startsWith("rl_") ? "by_link" : null;
}
