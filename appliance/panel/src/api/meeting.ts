// Polls, timer and files of a meeting, for who is in it: its token speaks for them.
import { askAt, BASE, upload } from "./ask";
import type { Handout, MeetingTools, NewPoll } from "./schema";

const AT = `${BASE}/meeting`;
const poll = (id: string) => `/polls/${encodeURIComponent(id)}`;

/** `token`: the LiveKit token of this meeting. */
export function meetingOf(token: () => string | null) {
  const headers = (): Record<string, string> => ({ authorization: `Bearer ${token() ?? ""}` });
  const change = (method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown) =>
    askAt<undefined>(AT, method, path, body, headers());
  return {
    look: () => askAt<MeetingTools>(AT, "GET", "", undefined, headers()),
    ask: (wanted: NewPoll) => change("POST", "/polls", wanted),
    vote: (id: string, chosen: number[]) => change("PUT", `${poll(id)}/vote`, { chosen }),
    setRunning: (id: string, running: boolean) => change("PATCH", poll(id), { running }),
    remove: (id: string) => change("DELETE", poll(id)),
    startTimer: (seconds: number, title: string) => change("PUT", "/timer", { seconds, title }),
    endTimer: () => change("DELETE", "/timer"),
    takeAway: (file: Pick<Handout, "path">) => change("DELETE", file.path.replace(/^\/f\//, "/files/")),
    hand: (file: File, progress: (sent: number) => void, signal: AbortSignal) =>
      upload<Handout>(
        `/meeting/files?name=${encodeURIComponent(file.name)}`,
        file,
        progress,
        signal,
        headers(),
        "POST",
      ),
  };
}

export type MeetingDoor = ReturnType<typeof meetingOf>;
