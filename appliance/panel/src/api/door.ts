// A room's door: what is written at it, and the token for who comes in.
import { askAt, BASE } from "./ask";
import type { Door, JoinToken } from "./schema";

const of = (room: string) => `${BASE}/rooms/${encodeURIComponent(room)}`;

/** What somebody brings who wants to come in. */
export interface Comer {
  name: string;
  invite: string | null;
  pin: string;
  /** The token with which this tab was in the room last. */
  before: string | null;
}

export const door = {
  look: (room: string, invite: string | null) =>
    askAt<Door>(of(room), "GET", `/door${invite ? `?invite=${encodeURIComponent(invite)}` : ""}`),
  enter: (room: string, { name, invite, pin, before }: Comer) =>
    askAt<JoinToken>(of(room), "POST", "/join-token", {
      name,
      ...(invite && { invite }),
      ...(pin !== "" && { pin }),
      ...(before && { before }),
    }),
};
