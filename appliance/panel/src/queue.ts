// Films that wait and are being made, on an axis of time. Pure: "now" is an argument.
import type { Job } from "./api/schema";

export interface Bar {
  job: Job;
  /** Shares of the axis, 0 to 1; null: nobody knows when. */
  from: number | null;
  to: number | null;
  /** Where it is wanted by, if that is on the axis. */
  deadline: number | null;
}

export interface Queue {
  bars: Bar[];
  /** The axis goes from now to here. */
  end: number;
  /** Moments that are named, with their places. */
  ticks: { at: number; place: number }[];
}

const MINUTE = 60_000;
/** Of one of these the axis is never more than a few. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080].map((n) => n * MINUTE);
const MOST_TICKS = 4;

const time = (at: string | null): number | null => (at === null ? null : Date.parse(at));

/** Jobs that run, then those that wait, the next first. */
export function queueOf(jobs: Job[], now: number): Queue {
  const active = jobs.filter((job) => job.state === "running" || job.state === "queued");
  const start = (job: Job) => (job.state === "running" ? -Infinity : (time(job.starts_at) ?? Infinity));
  active.sort((a, b) => start(a) - start(b) || a.id.localeCompare(b.id));
  const ends = active.map((job) => time(job.ready_at) ?? now);
  const end = Math.max(now + 2 * MINUTE, ...ends);
  const place = (at: number) => Math.min(1, Math.max(0, (at - now) / (end - now)));
  const bars = active.map((job) => {
    const [starts, ready, wanted] = [time(job.starts_at), time(job.ready_at), time(job.deadline)];
    const from = job.state === "running" ? now : starts;
    return {
      job,
      from: from === null || ready === null ? null : place(from),
      to: ready === null ? null : place(ready),
      deadline: wanted === null || wanted < now || wanted > end ? null : place(wanted),
    };
  });
  return { bars, end, ticks: ticksOf(now, end).map((at) => ({ at, place: place(at) })) };
}

/** Round moments after now, in the time of whoever looks. */
function ticksOf(now: number, end: number): number[] {
  const step = STEPS.find((one) => (end - now) / one <= MOST_TICKS) ?? end - now;
  const offset = new Date(now).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((now - offset) / step) * step + offset;
  const ticks = [];
  for (let at = first; at <= end; at += step) ticks.push(at);
  return ticks;
}
