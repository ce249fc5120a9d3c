// What a moderator does to somebody in the meeting: with an account by the panel's routes, with a personal link by
// the token that it gave.
import { api, askAt, BASE } from "./client";
import type { ModerationAct } from "./schema";

export interface Moderation {
  mute: (participant: string) => Promise<unknown>;
  letIn: (participant: string) => Promise<unknown>;
  remove: (participant: string) => Promise<unknown>;
}

export function moderation(room: string, token: string | null): Moderation {
  if (token === null) {
    return {
      mute: (participant) => api.muteParticipant(room, participant),
      letIn: (participant) => api.letIn(room, participant),
      remove: (participant) => api.removeParticipant(room, participant),
    };
  }
  const where = `${BASE}/rooms/${encodeURIComponent(room)}`;
  const act = (act: ModerationAct) => (participant: string) =>
    askAt<undefined>(where, "POST", "/moderation", { token, participant, act });
  return { mute: act("mute"), letIn: act("let_in"), remove: act("remove") };
}
