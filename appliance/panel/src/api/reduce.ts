// What one event means for the cache. Pure: no cache, no socket, no clock. Volatile events carry
// the whole view and are written; all others only say that a view is old, and the box is asked.
import { keys, type Key } from "./keys";
import type { EventMessage, Job, LiveOutput, LoadPoint, Sample, Shard, Status, UpdateState, Webhook } from "./schema";

export type Change =
  | { do: "refetch"; key: Key }
  | { do: "refetch_all" }
  | { do: "put_job"; job: Job }
  | { do: "put_update"; now: UpdateState }
  | { do: "put_webhook"; webhook: Webhook }
  | { do: "put_output"; output: LiveOutput }
  | { do: "put_status"; at: string; sample: Sample };

export function changesOf(event: EventMessage): Change[] {
  switch (event.type) {
    case "hello":
      return [];
    case "reset":
      return [{ do: "refetch_all" }];
    case "job.progressed":
      return [{ do: "put_job", job: event.data }];
    case "update.progressed":
      return [{ do: "put_update", now: event.data }];
    case "webhook.progressed":
      return [{ do: "put_webhook", webhook: event.data }];
    case "output.progressed":
      return [{ do: "put_output", output: event.data }];
    case "status.sampled":
      return [{ do: "put_status", at: event.at, sample: event.data }];
    default:
      return olds(event.type).map((key) => ({ do: "refetch", key }));
  }
}

/** What of the cache is old after an event that does not carry it. */
function olds(type: string): Key[] {
  // Nothing else about the recording is different.
  if (type === "recording.copied") return [keys.copies, keys.targets];
  switch (type.split(".")[0]) {
    case "room":
    case "participant":
    case "track":
      return [keys.rooms];
    case "room_template":
      return [keys.roomTemplates];
    case "recording":
      // A meeting shows whether it is recorded, and a captured recording has a job.
      return [keys.recordings, keys.rooms, keys.jobs, keys.schedule];
    case "job":
      return [keys.jobs, keys.recordings];
    case "update":
      return [keys.updates];
    case "person":
      // It may be oneself, who may more or less from now on.
      return [keys.people, keys.session, keys.box];
    case "encoder":
      return [keys.encoders];
    case "settings":
      return [keys.settings];
    case "webhook":
      return [keys.webhooks];
    case "alarm":
      return [keys.health];
    case "mail":
      return [keys.mail];
    case "syslog":
      return [keys.syslog];
    case "mqtt":
      return [keys.mqtt];
    case "certificate":
      return [keys.certificates];
    case "output":
      return [keys.outputs];
    case "share":
      return [keys.shares];
    case "schedule":
      return [keys.schedule];
    case "target":
      // A template says which of its targets were removed.
      return [keys.targets, keys.copies, keys.roomTemplates];
    case "storage":
      return [keys.status];
    default:
      return [];
  }
}

/** Ten minutes, as the box keeps them. */
const HISTORY_MS = 10 * 60 * 1000;

/** A status that knows when its counters were read; a fetched one does not say it. */
export type SampledStatus = Status & { counted_at?: string };

/** The status after a sample: new numbers, and one more point made from the counters' growth. */
export function withSample(
  status: SampledStatus,
  sample: Sample,
  at: string,
): SampledStatus {
  const before = status.counted_at;
  const elapsed = before ? (Date.parse(at) - Date.parse(before)) / 1000 : 0;
  const history = status.history.filter((p) => Date.parse(at) - Date.parse(p.at) <= HISTORY_MS);
  if (elapsed > 0) {
    const point: LoadPoint = {
      at,
      cpu_percent: sample.cpu_percent,
      media_percent: sample.media_percent,
      films_percent: sample.films_percent,
      bytes_in_per_s: growth(status.shards, sample.shards, "bytes_in") / elapsed,
      bytes_out_per_s: growth(status.shards, sample.shards, "bytes_out") / elapsed,
      loss: sample.loss,
      temperature_c: sample.temperature_c,
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

/** The list with one live output replaced; one that is not in it has ended meanwhile. */
export function withOutput(outputs: LiveOutput[], output: LiveOutput): LiveOutput[] {
  return outputs.map((known) => (known.id === output.id ? output : known));
}

/** The list with one receiver replaced; one that is not in it was deleted meanwhile. */
export function withWebhook(webhooks: Webhook[], webhook: Webhook): Webhook[] {
  return webhooks.map((known) => (known.id === webhook.id ? webhook : known));
}

export function backoffMs(failures: number): number {
  return Math.min(500 * 2 ** failures, 8_000);
}
