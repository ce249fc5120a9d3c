import { describe, expect, test } from "vitest";
import {
  backoffMs,
  changesOf,
  withJob,
  withSample,
  withWebhook,
  type SampledStatus,
} from "./reduce";
import type { EventMessage, Job, Shard, Webhook } from "./schema";

const job: Job = {
  id: "job_1",
  recording_id: "rec_1",
  title: "Lecture",
  layout: "grid",
  state: "running",
  attempts: 1,
  created_at: "2026-01-01T00:00:00Z",
  error: null,
  progress: null,
  priority: 0,
  next: false,
  deadline: null,
  starts_at: null,
  ready_at: null,
  late_by_s: null,
  waits: null,
  slowed: false,
  encoder: null,
        merges: 0,
        made_on: null,
};

const shard: Shard = {
  port: 7882,
  rooms: 1,
  participants: 2,
  packets_in: 0,
  packets_out: 0,
  bytes_in: 1_000,
  bytes_out: 2_000,
  send_drops: 0,
  spilled_rooms: 0,
  relayed_in: 0,
  relayed_out: 0,
  relay_drops: 0,
  connections_udp: 2,
  connections_tcp: 0,
  cpu_percent: 3,
  longest_turn_us: 200,
};

const quiet = {
  media_percent: 0,
  films_percent: 0,
  bytes_in_per_s: 0,
  bytes_out_per_s: 0,
  loss: { in_percent: null, out_percent: null },
  temperature_c: null,
};
const status: SampledStatus = {
  counted_at: "2026-01-01T00:10:00Z",
  uptime_s: 60,
  cpu_percent: 10,
  media_percent: 6,
  films_percent: 3,
  temperature_c: null,
  cores: 4,
  memory_bytes: 1,
  disk: { total_bytes: 9, free_bytes: 5, reserve_bytes: 1, recordings_bytes: 2, full_in_s: null },
  rooms: 1,
  participants: 2,
  recordings: 0,
  recorder_drops: 0,
  shards: [shard],
  meetings: [],
  loss: { in_percent: 1, out_percent: null },
  tcp: { open: 0, waiting: 0, opened: 0, refused: 0, timed_out: 0, broken: 0, drops: 0 },
  history: [
    { ...quiet, at: "2026-01-01T00:00:00Z", cpu_percent: 1 },
    { ...quiet, at: "2026-01-01T00:10:00Z", cpu_percent: 2 },
  ],
};

function sampleOf(view: SampledStatus) {
  const { history, counted_at, ...sample } = view;
  expect([history.length, counted_at]).not.toContain(0);
  return sample;
}

const heard = { id: "evt_1", at: "2026-01-01T00:00:00Z", subject: "it" };

describe("an event", () => {
  test("of a participant makes rooms old", () => {
    expect(changesOf({ ...heard, type: "participant.joined", data: { room: "Library", name: "Ada" } })).toEqual([
      { do: "refetch", key: ["rooms"] },
    ]);
  });

  test("of a recording makes recordings, rooms, jobs and the schedule old", () => {
    const keys = changesOf({ ...heard, type: "recording.ready", data: { job: "job_1" } }).map((change) =>
      change.do === "refetch" ? change.key[0] : change.do,
    );
    expect(keys).toEqual(["recordings", "rooms", "jobs", "schedule"]);
  });

  test("of progress writes the job without asking the box", () => {
    expect(changesOf({ ...heard, type: "job.progressed", data: job })).toEqual([{ do: "put_job", job }]);
  });

  test("of an update's progress writes where it stands, any other asks the box", () => {
    const now = { state: "receiving", received_bytes: 1, total_bytes: 2 } as const;
    expect(changesOf({ ...heard, type: "update.progressed", data: now })).toEqual([
      { do: "put_update", now },
    ]);
    expect(changesOf({ ...heard, type: "update.changed", data: now })).toEqual([
      { do: "refetch", key: ["updates"] },
    ]);
  });

  test("of a webhook's progress writes it, one that was deleted meanwhile stays away", () => {
    const webhook = { id: "wh_1", waiting: 3 } as Webhook;
    expect(changesOf({ ...heard, type: "webhook.progressed", data: webhook })).toEqual([
      { do: "put_webhook", webhook },
    ]);
    expect(changesOf({ ...heard, type: "webhook.changed" })).toEqual([
      { do: "refetch", key: ["webhooks"] },
    ]);
    expect(withWebhook([{ ...webhook, waiting: 9 }], webhook)).toEqual([webhook]);
    expect(withWebhook([], webhook)).toEqual([]);
  });

  test("of a share link makes the lists of links old, and nothing else", () => {
    const event = { ...heard, type: "share.opened", data: { recording: "rec_1" } };
    expect(changesOf(event as unknown as EventMessage)).toEqual([{ do: "refetch", key: ["shares"] }]);
  });

  test("of a target makes targets and copies old, a copied recording nothing else", () => {
    const old = (type: string) =>
      changesOf({ ...heard, type, data: { target: "tgt_1" } } as unknown as EventMessage).map((change) =>
        change.do === "refetch" ? change.key[0] : change.do,
      );
    expect(old("target.changed")).toEqual(["targets", "copies", "room-templates"]);
    expect(old("room_template.changed")).toEqual(["room-templates"]);
    expect(old("recording.copied")).toEqual(["copies", "targets"]);
  });

  test("of an encoder makes the list of encoders old", () => {
    const event = { ...heard, type: "encoder.changed" } as unknown as EventMessage;
    expect(changesOf(event)).toEqual([{ do: "refetch", key: ["encoders"] }]);
  });

  test("that tells of a gap makes everything old", () => {
    expect(changesOf({ type: "reset" })).toEqual([{ do: "refetch_all" }]);
  });

  test("that nobody knows changes nothing", () => {
    expect(changesOf({ ...heard, type: "weather.changed" } as unknown as EventMessage)).toEqual([]);
    expect(changesOf({ type: "hello", seq: 4 })).toEqual([]);
  });
});

describe("a status sample", () => {
  test("adds one point made from the counters' growth and drops old points", () => {
    const now = { ...status, cpu_percent: 20, shards: [{ ...shard, bytes_in: 5_000 }] };
    const after = withSample(status, sampleOf(now), "2026-01-01T00:10:02Z");
    expect(after.cpu_percent).toBe(20);
    expect(after.history).toEqual([
      status.history[1],
      {
        ...quiet,
        at: "2026-01-01T00:10:02Z",
        cpu_percent: 20,
        media_percent: 6,
        films_percent: 3,
        bytes_in_per_s: 2_000,
        loss: { in_percent: 1, out_percent: null },
      },
    ]);
  });

  test("after a restart never shows a negative rate", () => {
    const now = { ...status, shards: [{ ...shard, bytes_in: 0, bytes_out: 0 }] };
    const point = withSample(status, sampleOf(now), "2026-01-01T00:10:02Z").history.at(-1);
    expect(point?.bytes_in_per_s).toBe(0);
  });

  test("after a fetch only sets the numbers: the age of the counters is not known", () => {
    const fetched = { ...sampleOf(status), history: status.history };
    const after = withSample(fetched, sampleOf(status), "2026-01-01T00:10:00Z");
    expect(after.history).toEqual(status.history);
    expect(after.counted_at).toBe("2026-01-01T00:10:00Z");
  });

  test("that is not newer adds no point", () => {
    const after = withSample(status, sampleOf(status), "2026-01-01T00:10:00Z");
    expect(after.history).toHaveLength(2);
  });
});

test("a job replaces its older self or comes first", () => {
  const other = { ...job, id: "job_2" };
  expect(withJob([other, job], { ...job, state: "finished" })).toEqual([
    other,
    { ...job, state: "finished" },
  ]);
  expect(withJob([other], job)).toEqual([job, other]);
});

test("waiting between attempts grows and is bounded", () => {
  expect([0, 1, 2, 3, 4, 9].map(backoffMs)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000]);
});
