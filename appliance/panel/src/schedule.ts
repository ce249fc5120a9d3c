// A week of the schedule: its days, its hours, and where each event stands in them. Pure; times are those
// of the reader's clock.
import type { ScheduledEvent } from "./api/schema";

export const DAY_MINUTES = 24 * 60;
/** Shown though nothing is on: most meetings are then. */
const USUAL = { from: 8, to: 18 };
/** Shorter ones would be too small to read or to press. */
const LEAST_MINUTES = 30;

/** The seven days of a week, from Monday's midnight on; `later`: so many weeks after this one. */
export function weekOf(now: Date, later: number): Date[] {
  const monday = now.getDate() - ((now.getDay() + 6) % 7) + later * 7;
  // The calendar counts: a day on which clocks change has no 24 hours.
  return Array.from({ length: 7 }, (_, n) => new Date(now.getFullYear(), now.getMonth(), monday + n));
}

/** The midnight after a week. */
export function endOf(week: Date[]): Date {
  const last = week.at(-1) ?? new Date(0);
  return new Date(last.getFullYear(), last.getMonth(), last.getDate() + 1);
}

/** An event's stretch of one day, in minutes since midnight. */
export interface Stretch {
  event: ScheduledEvent;
  from: number;
  to: number;
  /** Which of so many columns: events at the same time stand side by side. */
  lane: number;
  lanes: number;
}

function minuteOf(time: Date, day: Date, next: Date): number {
  if (time <= day) return 0;
  if (time >= next) return DAY_MINUTES;
  return time.getHours() * 60 + time.getMinutes();
}

/** What is on on a day, in the order of their starts. */
export function stretchesOf(events: ScheduledEvent[], day: Date): Stretch[] {
  const next = new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1);
  const found = events
    .map((event) => ({ event, starts: new Date(event.starts_at), ends: new Date(event.ends_at) }))
    .filter(({ starts, ends }) => starts < next && ends > day)
    .map(({ event, starts, ends }) => {
      const from = Math.min(minuteOf(starts, day, next), DAY_MINUTES - LEAST_MINUTES);
      const to = Math.max(minuteOf(ends, day, next), from + LEAST_MINUTES);
      return { event, from, to, lane: 0, lanes: 1 };
    })
    .sort((a, b) => a.from - b.from || b.to - a.to);
  return inLanes(found);
}

/** Puts those that are on together side by side. */
function inLanes(sorted: Stretch[]): Stretch[] {
  let together: Stretch[] = [];
  let until = 0;
  const close = () => {
    const lanes = Math.max(1, ...together.map(({ lane }) => lane + 1));
    for (const one of together) one.lanes = lanes;
    together = [];
  };
  for (const one of sorted) {
    if (one.from >= until) close();
    const taken = new Set(together.filter(({ to }) => to > one.from).map(({ lane }) => lane));
    while (taken.has(one.lane)) one.lane += 1;
    together.push(one);
    until = Math.max(until, one.to);
  }
  close();
  return sorted;
}

/** From which hour to which a week is shown. */
export function hoursOf(days: Stretch[][]): { from: number; to: number } {
  const all = days.flat();
  return {
    from: Math.min(USUAL.from, ...all.map(({ from }) => Math.floor(from / 60))),
    to: Math.max(USUAL.to, ...all.map(({ to }) => Math.ceil(to / 60))),
  };
}

/** What a form's field for a moment holds, as a moment; null: nothing that is one. */
export function momentOf(local: string): string | null {
  const time = new Date(local);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** A moment as a form's field for one wants it. */
export function fieldOf(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day}T${two(time.getHours())}:${two(time.getMinutes())}`;
}
