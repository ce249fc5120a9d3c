// Whether the box's clock and this device's agree, and what helps if not. Pure.
import type { TimeView } from "../../api/schema";

/** Calendars, certificates and sign-in codes begin to suffer. */
const AGREES_MS = 60_000;

export interface ReadClock {
  time: TimeView;
  /** How far the box's clock is ahead of this device's, milliseconds. */
  aheadMs: number;
}

/** `before` and `after`: this device's clock around the question. */
export function readClock(time: TimeView, before: number, after: number): ReadClock {
  return { time, aheadMs: Date.parse(time.now) - (before + after) / 2 };
}

/** What helps: this device's own clock is the wrong one, a server is waited for, it is set by hand, or elsewhere. */
export type ClockAdvice = "agrees" | "device" | "server" | "hand" | "machine";

export function clockAdvice({ time, aheadMs }: ReadClock): ClockAdvice {
  if (Math.abs(aheadMs) <= AGREES_MS) return "agrees";
  if (!time.managed) return "machine";
  if (!time.ntp) return "hand";
  return time.synchronised ? "device" : "server";
}

/** The zones to choose from, and the one that this device is in. */
export function zonesWith(...first: string[]): string[] {
  return [...new Set([...first, "UTC", ...Intl.supportedValuesOf("timeZone")])];
}

/** A box that nobody has told where it stands most likely stands where its owner does. */
export function proposedZone(boxZone: string, deviceZone: string): string {
  return ["UTC", "Etc/UTC"].includes(boxZone) ? deviceZone : boxZone;
}
