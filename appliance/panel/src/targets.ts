// What targets and copies mean for who looks at them. Pure: the time is an argument.
import type { Copy, Hours, Place, Target } from "./api/schema";
import { share } from "./format";

export type Kind = Place["kind"];
export const KINDS: Kind[] = ["folder", "s3", "webdav", "sftp"];

const SSH_PORT = 22;
const HOUR = 60;

/** Minutes since midnight as 07:30: what `<input type=time>` speaks, and readers everywhere know. */
export function timeOfDay(minute: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(minute / HOUR))}:${two(minute % HOUR)}`;
}

/** The other way; `null` for what is no time. */
export function minuteOf(time: string): number | null {
  const found = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time);
  return found ? Number(found[1]) * HOUR + Number(found[2]) : null;
}

/** Whether it is time; hours may reach over midnight. */
export function isOpen(hours: Hours | null, minute: number): boolean {
  if (hours === null) return true;
  const { from, until } = hours;
  return from < until ? minute >= from && minute < until : minute >= from || minute < until;
}

export type TargetState = "off" | "sending" | "failing" | "later" | "waiting" | "copied" | "quiet";

/** Where a target stands at a minute of the day. */
export function stateOf({ enabled, moving, tally, hours }: Target, minute: number): TargetState {
  if (!enabled) return "off";
  if (moving) return "sending";
  if (tally.given_up > 0 || (tally.waiting > 0 && tally.error !== null)) return "failing";
  if (tally.waiting > 0) return isOpen(hours, minute) ? "waiting" : "later";
  return tally.delivered > 0 ? "copied" : "quiet";
}

/** Something is on its way or may be at any moment: the box does not say each step. */
export function isBusy({ enabled, moving, tally }: Target): boolean {
  return enabled && (moving !== null || tally.waiting > 0);
}

/** Where it is, as one would say it to a colleague; the store's own name for AWS. */
export function whereOf(place: Place): { what: string; at: string | null } {
  switch (place.kind) {
    case "folder":
      return { what: place.path, at: null };
    case "s3": {
      const prefix = place.prefix?.replace(/^\/+|\/+$/g, "");
      return {
        what: prefix ? `${place.bucket}/${prefix}` : place.bucket,
        at: place.endpoint ? place.endpoint.replace(/^https?:\/\/|\/+$/g, "") : "AWS",
      };
    }
    case "webdav": {
      const address = place.url.replace(/^https?:\/\/|\/+$/g, "");
      return { what: place.user ? `${place.user}@${address}` : address, at: null };
    }
    case "sftp": {
      const port = place.port && place.port !== SSH_PORT ? ` (${place.port})` : "";
      const folder = place.folder ? `:${place.folder}` : "";
      return { what: `${place.user}@${place.host}${folder}${port}`, at: null };
    }
  }
}

/** The name of a file without its folders. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export type CopiesState = "sending" | "given_up" | "failing" | "waiting" | "there";

/** What of one recording is at one target. */
export interface CopiesAt {
  target: string;
  state: CopiesState;
  copies: Copy[];
  bytes: number;
  /** Share of all bytes that the target has, 0 to 100. */
  done: number;
  sending: Copy | null;
  waiting: number;
  givenUp: number;
  /** Of the file that was tried most often. */
  error: string | null;
  /** When the first of those that wait is tried. */
  nextAt: string | null;
  /** When the last one got there. */
  deliveredAt: string | null;
  /** The folder that all lie in, when they lie in one. */
  folder: string | null;
}

/** The copies of a recording, by target, in the order in which targets first appear. */
export function copiesByTarget(copies: Copy[]): CopiesAt[] {
  const byTarget = new Map<string, Copy[]>();
  for (const copy of copies) {
    const known = byTarget.get(copy.target);
    if (known) known.push(copy);
    else byTarget.set(copy.target, [copy]);
  }
  return [...byTarget].map(([target, own]) => copiesAt(target, own));
}

function copiesAt(target: string, copies: Copy[]): CopiesAt {
  const sum = (of: (copy: Copy) => number) => copies.reduce((total, copy) => total + of(copy), 0);
  const bytes = sum((copy) => copy.bytes);
  const sending = copies.find((copy) => copy.sent !== null) ?? null;
  const undone = copies.filter((copy) => copy.state !== "delivered");
  const waiting = undone.filter((copy) => copy.state === "waiting" && copy.sent === null);
  const givenUp = undone.filter((copy) => copy.state === "given_up").length;
  const failed = undone.filter((copy) => copy.error !== null);
  const there = sum((copy) => (copy.state === "delivered" ? copy.bytes : (copy.sent ?? 0)));
  const state = (): CopiesState => {
    if (sending) return "sending";
    if (waiting.length > 0) return failed.length > 0 ? "failing" : "waiting";
    return givenUp > 0 ? "given_up" : "there";
  };
  return {
    target,
    state: state(),
    copies,
    bytes,
    done: undone.length === 0 ? 100 : share(there, bytes),
    sending,
    waiting: waiting.length,
    givenUp,
    // What has been tried oftenest has waited longest: its reason is the one to look at.
    error: failed.toSorted((a, b) => b.attempts - a.attempts)[0]?.error ?? null,
    nextAt: times(waiting.map((copy) => copy.next_at))[0] ?? null,
    deliveredAt: times(copies.map((copy) => copy.delivered_at)).at(-1) ?? null,
    folder: folderOf(copies),
  };
}

/** Those that are given, in order. */
function times(all: (string | null)[]): string[] {
  return all.filter((time) => time !== null).sort((a, b) => Date.parse(a) - Date.parse(b));
}

function folderOf(copies: Copy[]): string | null {
  const folders = copies.map(({ name, file }) =>
    name.endsWith(`/${file}`) ? name.slice(0, -file.length - 1) : null,
  );
  const first = folders[0] ?? null;
  return folders.every((folder) => folder === first) ? first : null;
}
