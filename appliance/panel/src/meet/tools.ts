// What the meeting has besides sound and pictures. The box says by an empty message that something
// has changed; what it is, is asked for.
import { RoomEvent, type Room } from "livekit-client";
import { useCallback, useEffect, useMemo, useState } from "react";
import { meetingOf, type MeetingDoor } from "../api/meeting";
import type { MeetingPoll, MeetingTools } from "../api/schema";
import { lastPass } from "./lobby";

const TOPIC = "roombox.meeting";
/** Everybody hears at once, and not everybody asks at once. */
const SPREAD_MS = 700;

export interface Tools {
  door: MeetingDoor;
  /** null: not known yet, or the box cannot be asked. */
  view: MeetingTools | null;
  /** When the view came, by this device's clock: what a timer has left counts from there. */
  at: number;
  again: () => void;
}

export function useTools(room: Room, roomId: string): Tools {
  const door = useMemo(() => meetingOf(() => lastPass(roomId)), [roomId]);
  const [known, setKnown] = useState<{ view: MeetingTools | null; at: number }>({ view: null, at: 0 });
  const again = useCallback(() => {
    door.look().then(
      (view) => setKnown({ view, at: Date.now() }),
      // What was known stays: the next change, or the connection's return, asks again.
      () => undefined,
    );
  }, [door]);
  useEffect(() => {
    let soon: ReturnType<typeof setTimeout> | undefined;
    const heard = (_: Uint8Array, __?: unknown, ___?: unknown, topic?: string) => {
      if (topic !== TOPIC) return;
      clearTimeout(soon);
      soon = setTimeout(again, Math.random() * SPREAD_MS);
    };
    again();
    room.on(RoomEvent.DataReceived, heard);
    room.on(RoomEvent.Reconnected, again);
    return () => {
      clearTimeout(soon);
      room.off(RoomEvent.DataReceived, heard);
      room.off(RoomEvent.Reconnected, again);
    };
  }, [room, again]);
  return { door, ...known, again };
}

/** Polls that run and that this person has not answered. */
export function unanswered(polls: MeetingPoll[]): MeetingPoll[] {
  return polls.filter((poll) => poll.running && poll.mine.length === 0);
}

/** How much of everybody who voted chose this answer: 0 to 100. */
export function share(votes: number | null, voters: number): number {
  return votes === null || voters === 0 ? 0 : Math.round((100 * votes) / voters);
}

/** 4:05, 1:00:00; what has run out counts up behind a minus. */
export function countdown(leftMs: number): string {
  // Ceiling: a timer of a minute says 1:00 first, and 0:00 when it is over.
  const seconds = leftMs > 0 ? Math.ceil(leftMs / 1_000) : Math.floor(-leftMs / 1_000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  const text = hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  return leftMs <= -1_000 ? `−${text}` : text;
}

/** The polls as a table for spreadsheets (RFC 4180). */
export function pollsAsCsv(polls: MeetingPoll[], header: string[]): string {
  // A cell that begins like a formula would be one.
  const cell = (text: string) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  const rows = polls.flatMap((poll) =>
    poll.answers.map((answer) => [poll.question, answer.text, String(answer.votes ?? ""), String(poll.voters)]),
  );
  return [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
