import { expect, test } from "vitest";
import type { Job } from "./api/schema";
import { queueOf } from "./queue";

const NOW = Date.parse("2026-11-28T12:03:00Z");
const at = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();

function job(id: string, part: Partial<Job>): Job {
  return {
    id,
    recording_id: "rec_1",
    title: id,
    layout: "auto",
    state: "queued",
    attempts: 0,
    created_at: at(-10),
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
    ...part,
  };
}

test("what runs comes first, then what starts first, then what nobody knows of", () => {
  const queue = queueOf(
    [
      job("unknown", {}),
      job("second", { starts_at: at(10), ready_at: at(20) }),
      job("done", { state: "finished" }),
      job("first", { starts_at: at(5), ready_at: at(10), deadline: at(8) }),
      job("runs", { state: "running", ready_at: at(5) }),
    ],
    NOW,
  );
  expect(queue.bars.map((bar) => bar.job.id)).toEqual(["runs", "first", "second", "unknown"]);
  expect(queue.bars.map(({ from, to }) => [from, to])).toEqual([
    [0, 0.25],
    [0.25, 0.5],
    [0.5, 1],
    [null, null],
  ]);
  expect(queue.bars[1]?.deadline).toBeCloseTo(0.4);
  expect(queue.end).toBe(NOW + 20 * 60_000);
});

test("the axis has a few round moments", () => {
  const queue = queueOf([job("long", { starts_at: at(0), ready_at: at(50) })], NOW);
  const minutes = queue.ticks.map((tick) => new Date(tick.at).getUTCMinutes());
  expect(minutes).toEqual([15, 30, 45]);
  expect(queueOf([job("short", { starts_at: at(0), ready_at: at(0.2) })], NOW).end).toBe(
    NOW + 120_000,
  );
  expect(queueOf([], NOW).bars).toEqual([]);
});
