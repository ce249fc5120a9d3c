// A hub's boxes: which are shown, and when one was silent. Pure: "now" is an argument.
import type { FleetBox, Outage, ToldEvent } from "./api/schema";

export const FILTERS = ["all", "attention", "recording", "silent"] as const;
export type BoxFilter = (typeof FILTERS)[number];

/** Less free than this part of a disk needs somebody. */
const LITTLE = 0.05;

/** Whether a box is among those that are asked for. */
export function fits(box: FleetBox, filter: BoxFilter): boolean {
  const silent = box.state === "stale" || box.state === "unheard";
  switch (filter) {
    case "all":
      return true;
    case "silent":
      return silent;
    // What a silent box said last is not so any more.
    case "recording":
      return !silent && (box.pulse?.recordings ?? 0) > 0;
    case "attention":
      return silent || box.state === "cloned" || full(box) || clockAhead(box) !== null || alarms(box) > 0;
  }
}

/** Alarms that stand on a box. What a silent one said last is not so any more. */
export function alarms({ state, pulse }: FleetBox): number {
  return state === "here" || state === "cloned" ? (pulse?.alarms ?? 0) : 0;
}

/** Clocks may differ by so much, seconds: the hub says so from here on, too. */
const APART_S = 120;

/** How far a box's clock is ahead of its hub's, seconds; null: they agree, or nobody knows. */
export function clockAhead({ pulse, heard_at }: FleetBox): number | null {
  if (!pulse?.clock || heard_at === null) return null;
  const ahead = (Date.parse(pulse.clock) - Date.parse(heard_at)) / 1000;
  return Math.abs(ahead) > APART_S ? ahead : null;
}

function full({ pulse }: FleetBox): boolean {
  return pulse !== null && pulse.total_bytes > 0 && pulse.free_bytes < LITTLE * pulse.total_bytes;
}

export interface Silence {
  from: number;
  to: number;
}

/** The silences between two moments, cut to them, in order; milliseconds since 1970. */
export function silences(outages: Outage[], from: number, to: number): Silence[] {
  return outages
    .map(({ since, until }) => ({
      from: Math.max(from, Date.parse(since)),
      to: Math.min(to, until === null ? to : Date.parse(until)),
    }))
    .filter((one) => one.to > one.from)
    .sort((a, b) => a.from - b.from);
}

/** How long they are together, milliseconds. */
export function lasting(all: Silence[]): number {
  return all.reduce((sum, one) => sum + one.to - one.from, 0);
}

/** What happened, as the texts name it; null: this page knows no words for it. */
export const TOLD = [
  "room_created",
  "room_changed",
  "room_deleted",
  "recording_started",
  "recording_changed",
  "recording_deleted",
  "recording_known",
  "job_queued",
  "job_changed",
  "box_left",
] as const;

export function toldAs(event: ToldEvent): (typeof TOLD)[number] | null {
  const name = event.type.replace(".", "_");
  return TOLD.find((known) => known === name) ?? null;
}

/** A text among what a box says of an event, which may be anything. */
export function detail(event: ToldEvent, field: string): string {
  const data: unknown = event.data;
  if (typeof data !== "object" || data === null) return "";
  const value: unknown = (data as Record<string, unknown>)[field];
  return typeof value === "string" ? value : "";
}
