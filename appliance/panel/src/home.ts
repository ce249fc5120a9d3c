// What the first page picks out of what the box knows. Pure: "now" is an argument.
import type { Alarm, Job, Room, ScheduledEvent, Target } from "./api/schema";

/** Alarms that nobody takes care of yet: what is broken first, then the oldest. */
export function openAlarms(alarms: readonly Alarm[]): Alarm[] {
  const weight = (alarm: Alarm) => (alarm.severity === "broken" ? 0 : 1);
  return alarms
    .filter((alarm) => alarm.acknowledged_at === null)
    .sort((a, b) => weight(a) - weight(b) || a.since.localeCompare(b.since));
}

/** Rooms in which somebody is: those that are recorded first, then the oldest meeting. */
export function liveRooms(rooms: readonly Room[]): Room[] {
  const recorded = (room: Room) => (room.meeting?.recording ? 0 : 1);
  return rooms
    .filter((room) => room.meeting !== null)
    .sort(
      (a, b) =>
        recorded(a) - recorded(b) || (a.meeting?.started_at ?? "").localeCompare(b.meeting?.started_at ?? ""),
    );
}

/** What is on or comes, in the order of its start. */
export function comingEvents(events: readonly ScheduledEvent[], now: number, most: number): ScheduledEvent[] {
  return events
    .filter(({ ends_at, state }) => Date.parse(ends_at) > now && ["planned", "waiting", "recording"].includes(state))
    .sort((a, b) => a.starts_at.localeCompare(b.starts_at))
    .slice(0, most);
}

export interface Work {
  /** Films in the making and the next of those that wait. */
  shown: Job[];
  /** How many more wait. */
  more: number;
  /** Films that failed, until somebody decides. */
  parked: number;
}

export function workOf(jobs: readonly Job[], most: number): Work {
  const active = jobs
    .filter(({ state }) => state === "running" || state === "queued")
    .sort((a, b) => Number(b.state === "running") - Number(a.state === "running") || start(a) - start(b));
  return {
    shown: active.slice(0, most),
    more: Math.max(0, active.length - most),
    parked: jobs.filter(({ state }) => state === "parked").length,
  };
}

const start = (job: Job) => (job.starts_at === null ? Infinity : Date.parse(job.starts_at)) || 0;

/** Files that are still to be sent, of targets that are switched on; and what was given up. */
export function copiesOf(targets: readonly Target[]): { waiting: number; bytes: number; givenUp: number } {
  const sum = { waiting: 0, bytes: 0, givenUp: 0 };
  for (const { enabled, tally } of targets) {
    if (!enabled) continue;
    sum.waiting += tally.waiting;
    sum.bytes += tally.waiting_bytes;
    sum.givenUp += tally.given_up;
  }
  return sum;
}
