// What one event means for the cache. Pure: no cache, no socket, no clock. Volatile events carry
// the whole view and are written; all others only say that a view is old, and the box is asked.
import { keys, type Key } from "./keys";
import type { BoxEvent, Job, LoadPoint, Shard, Status } from "./schema";

export type Change =
  | { do: "refetch"; key: Key }
  | { do: "refetch_all" }
  | { do: "put_job"; job: Job }
  | { do: "put_status"; at: string; sample: Omit<Status, "history"> };

export function changesOf(event: BoxEvent): Change[] {
  const [family, verb] = event.type.split(".");
  switch (family) {
    case "reset":
      return [{ do: "refetch_all" }];
    case "room":
    case "participant":
    case "track":
      return [{ do: "refetch", key: keys.rooms }];
    case "recording":
      // A meeting shows whether it is recorded, and a captured recording has a job.
      return [keys.recordings, keys.rooms, keys.jobs].map((key) => ({ do: "refetch", key }));
    case "job":
      if (verb === "progressed" && isJob(event.data)) return [{ do: "put_job", job: event.data }];
      return [keys.jobs, keys.recordings].map((key) => ({ do: "refetch", key }));
    case "settings":
      return [{ do: "refetch", key: keys.settings }];
    case "storage":
      return [{ do: "refetch", key: keys.status }];
    case "status":
      if (verb === "sampled" && isSample(event.data)) {
        const at = event.at ?? new Date(0).toISOString();
        return [{ do: "put_status", at, sample: event.data }];
      }
      return [];
    default:
      return [];
  }
}

function isJob(data: unknown): data is Job {
  return typeof data === "object" && data !== null && "recording_id" in data && "state" in data;
}

function isSample(data: unknown): data is Omit<Status, "history"> {
  return typeof data === "object" && data !== null && "disk" in data && "shards" in data;
}

/** Ten minutes, as the box keeps them. */
const HISTORY_MS = 10 * 60 * 1000;

/** A status that knows when its counters were read; a fetched one does not say it. */
export type SampledStatus = Status & { counted_at?: string };

/** The status after a sample: new numbers, and one more point made from the counters' growth. */
export function withSample(
  status: SampledStatus,
  sample: Omit<Status, "history">,
  at: string,
): SampledStatus {
  const before = status.counted_at;
  const elapsed = before ? (Date.parse(at) - Date.parse(before)) / 1000 : 0;
  const history = status.history.filter((p) => Date.parse(at) - Date.parse(p.at) <= HISTORY_MS);
  if (elapsed > 0) {
    const point: LoadPoint = {
      at,
      cpu_percent: sample.cpu_percent,
      bytes_in_per_s: growth(status.shards, sample.shards, "bytes_in") / elapsed,
      bytes_out_per_s: growth(status.shards, sample.shards, "bytes_out") / elapsed,
    };
    history.push(point);
  }
  return { ...sample, history, counted_at: at };
}

function growth(before: Shard[], now: Shard[], counter: "bytes_in" | "bytes_out"): number {
  const sum = (shards: Shard[]) => shards.reduce((total, shard) => total + shard[counter], 0);
  // A restarted box counts from nought again.
  return Math.max(0, sum(now) - sum(before));
}

/** The list with one job replaced; a job that is not in it is put first, as the newest. */
export function withJob(jobs: Job[], job: Job): Job[] {
  return jobs.some((known) => known.id === job.id)
    ? jobs.map((known) => (known.id === job.id ? job : known))
    : [job, ...jobs];
}

export function backoffMs(failures: number): number {
  return Math.min(500 * 2 ** failures, 8_000);
}
