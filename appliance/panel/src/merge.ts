// Which recordings can be merged, and in which order. Pure.
import type { Recording } from "./api/schema";

/** The box merges no more at a time. */
export const MOST_MERGED = 20;

/** Whether there is a film that could be a part of another one. */
export function canMerge({ state, files }: Pick<Recording, "state" | "files">): boolean {
  return state !== "recording" && files.some(({ kind }) => kind === "mp4");
}

/** As they happened: who merges a meeting that was interrupted wants them so. */
export function byBeginning<R extends Pick<Recording, "started_at" | "id">>(recordings: R[]): R[] {
  const begun = ({ started_at, id }: R) => `${started_at} ${id}`;
  return [...recordings].sort((a, b) => (begun(a) < begun(b) ? -1 : 1));
}

/** The list with one entry a place further up (-1) or down. */
export function moved<T>(list: T[], from: number, by: -1 | 1): T[] {
  const to = from + by;
  const entry = list[from];
  if (entry === undefined || to < 0 || to >= list.length) return list;
  return list.toSpliced(from, 1).toSpliced(to, 0, entry);
}
