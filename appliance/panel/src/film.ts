// What a film is: the index that the box writes beside it, and how its time and the recording's go
// together. Pure.
import type { MadeFile } from "./api/schema";

/** `film.json`, version 1; times are in microseconds. */
export interface FilmIndex {
  v: number;
  duration_us: number;
  /** Pieces of the recording that the film shows, one after another, in the recording's time. */
  pieces: { from_us: number; to_us: number }[];
  chapters: Chapter[];
  sprite: Sprite | null;
}

export interface Chapter {
  from_us: number;
  kind: "start" | "turn" | "continued" | "resumed" | "share" | "marker";
  title: string;
}

export interface Spot {
  from_us: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Sprite {
  file: string;
  width: number;
  height: number;
  spots: Spot[];
}

/** A film and what lies beside it. */
export interface Film {
  movie: MadeFile;
  poster: MadeFile | undefined;
  index: MadeFile | undefined;
  /** What was said, as WebVTT. */
  captions: MadeFile | undefined;
}

/** The newest film of a recording, whose files come newest first. */
export function filmOf(files: MadeFile[]): Film | null {
  const movie = files.find((file) => file.kind === "mp4");
  if (!movie) return null;
  const beside = files.filter((file) => folderOf(file.name) === folderOf(movie.name));
  const one = (kind: MadeFile["kind"]) => beside.find((file) => file.kind === kind);
  return { movie, poster: one("thumbnail"), index: one("index"), captions: one("captions") };
}

/** The folder in which a file's name lies, with its slash. */
export function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf("/") + 1);
}

/** The film's time of a moment of the recording, or of the next one that is shown. */
export function filmMs(index: FilmIndex, recordingMs: number): number {
  const us = recordingMs * 1000;
  let before = 0;
  for (const { from_us, to_us } of index.pieces) {
    if (us < to_us) return (before + Math.max(0, us - from_us)) / 1000;
    before += to_us - from_us;
  }
  return before / 1000;
}

/** The recording's time of a moment of the film. */
export function recordingMs(index: FilmIndex, filmMs: number): number {
  let left = filmMs * 1000;
  for (const { from_us, to_us } of index.pieces) {
    if (left < to_us - from_us) return (from_us + left) / 1000;
    left -= to_us - from_us;
  }
  return (index.pieces.at(-1)?.to_us ?? 0) / 1000;
}

/** The last one that has begun. */
export function lastBegun<T extends { from_us: number }>(list: T[], filmMs: number): T | undefined {
  return list.findLast((one) => one.from_us <= filmMs * 1000);
}
