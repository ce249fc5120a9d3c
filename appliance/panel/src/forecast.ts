// How the disk fills, as a line: pure, time is an argument.
import type { Forecast, StorageReport } from "./api/schema";

export interface Outlook {
  /** Seconds that the picture shows. */
  horizon_s: number;
  /** Shares of the disk, 0 to 1: used now, used at the end of the picture, and where recording ends. */
  now: number;
  end: number;
  limit: number;
  /** Where in the picture it is full, 0 to 1; null: not in it. */
  full_at: number | null;
}

const HOUR_S = 3_600;
const YEAR_S = 365 * 86_400;

/** Of what a rate leads to. The picture ends a little after the disk is full, or after a month. */
export function outlook(report: StorageReport, forecast: Forecast): Outlook {
  const { total_bytes, free_bytes, reserve_bytes } = report;
  const total = Math.max(1, total_bytes);
  const used = Math.min(total, Math.max(0, total_bytes - free_bytes));
  const limit = Math.max(0, total_bytes - reserve_bytes) / total;
  const full_s = forecast.full_in_s;
  const horizon_s =
    full_s === null ? 30 * 86_400 : Math.min(YEAR_S, Math.max(HOUR_S, full_s * 1.25));
  const written = Math.max(0, forecast.bytes_per_s) * horizon_s;
  return {
    horizon_s,
    now: used / total,
    // Nothing is recorded beyond the limit.
    end: Math.max(used / total, Math.min(limit, (used + written) / total)),
    limit,
    full_at: full_s !== null && full_s <= horizon_s ? full_s / horizon_s : null,
  };
}

export interface Part {
  name: "tracks" | "films" | "other" | "free" | "reserve";
  bytes: number;
}

/** What the disk is made of; together it is all of it. */
export function partsOf(report: StorageReport): Part[] {
  const { total_bytes, free_bytes, reserve_bytes, tracks_bytes, films_bytes } = report;
  const reserve = Math.min(reserve_bytes, free_bytes);
  const used = Math.max(0, total_bytes - free_bytes);
  // What was written a moment ago is not counted by the disk yet.
  const tracks = Math.min(tracks_bytes, used);
  const films = Math.min(films_bytes, used - tracks);
  return [
    { name: "tracks", bytes: tracks },
    { name: "films", bytes: films },
    { name: "other", bytes: used - tracks - films },
    { name: "free", bytes: free_bytes - reserve },
    { name: "reserve", bytes: reserve },
  ];
}
