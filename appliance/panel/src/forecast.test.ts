import { describe, expect, it } from "vitest";
import type { StorageReport } from "./api/schema";
import { outlook, partsOf } from "./forecast";

const quiet = { bytes_per_s: 0, full_in_s: null };
const report: StorageReport = {
  total_bytes: 1000,
  free_bytes: 600,
  reserve_bytes: 100,
  tracks_bytes: 200,
  films_bytes: 100,
  now: quiet,
  week: quiet,
  largest: [],
  next: [],
  keep_days: 0,
  keep_newest: 0,
  keep_newest_of_room: 0,
  overwrite_oldest: false,
  clock_doubt: null,
};

describe("the forecast", () => {
  it("stays level when nothing comes", () => {
    expect(outlook(report, quiet)).toMatchObject({ now: 0.4, end: 0.4, limit: 0.9, full_at: null });
  });

  it("rises to the limit and no further, and shows when", () => {
    const seen = outlook(report, { bytes_per_s: 0.01, full_in_s: 50_000 });
    expect(seen.horizon_s).toBe(62_500);
    expect(seen.end).toBe(0.9);
    expect(seen.full_at).toBeCloseTo(0.8);
  });

  it("shows an hour at least and a year at most", () => {
    expect(outlook(report, { bytes_per_s: 50, full_in_s: 10 }).horizon_s).toBe(3600);
    const slow = outlook(report, { bytes_per_s: 1e-6, full_in_s: 5e8 });
    expect(slow.horizon_s).toBe(365 * 86_400);
    expect(slow.full_at).toBeNull();
    expect(slow.end).toBeLessThan(0.9);
  });

  it("never falls, not even on a disk that is fuller than it should be", () => {
    const full = { ...report, free_bytes: 20 };
    expect(outlook(full, { bytes_per_s: 5, full_in_s: 0 })).toMatchObject({ now: 0.98, end: 0.98, full_at: 0 });
    expect(outlook({ ...report, total_bytes: 0, free_bytes: 0 }, quiet).now).toBe(0);
  });
});

describe("the parts of the disk", () => {
  const sum = (seen: StorageReport) => partsOf(seen).reduce((all, { bytes }) => all + bytes, 0);

  it("are all of it", () => {
    expect(partsOf(report).map(({ bytes }) => bytes)).toEqual([200, 100, 100, 500, 100]);
    for (const seen of [
      report,
      { ...report, free_bytes: 50 },
      { ...report, tracks_bytes: 5000, films_bytes: 5000 },
    ]) {
      expect(sum(seen)).toBe(1000);
      expect(partsOf(seen).every(({ bytes }) => bytes >= 0)).toBe(true);
    }
  });
});
