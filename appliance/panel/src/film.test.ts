import { describe, expect, test } from "vitest";
import type { MadeFile } from "./api/schema";
import { filmMs, filmOf, lastBegun, recordingMs, type FilmIndex } from "./film";

const index: FilmIndex = {
  v: 1,
  duration_us: 30_000_000,
  // Two seconds before the first picture; a minute without power.
  pieces: [
    { from_us: 2_000_000, to_us: 12_000_000 },
    { from_us: 72_000_000, to_us: 92_000_000 },
  ],
  chapters: [],
  sprite: null,
};

describe("a film's time", () => {
  test("goes on where the recording does", () => {
    expect([2_000, 7_000, 72_000, 91_000].map((ms) => filmMs(index, ms))).toEqual([
      0, 5_000, 10_000, 29_000,
    ]);
    expect([0, 5_000, 10_000, 29_000].map((ms) => recordingMs(index, ms))).toEqual([
      2_000, 7_000, 72_000, 91_000,
    ]);
  });

  test("of what is not shown is that of what comes next", () => {
    expect([0, 40_000, 500_000].map((ms) => filmMs(index, ms))).toEqual([0, 10_000, 30_000]);
    expect(recordingMs(index, 99_000)).toBe(92_000);
  });
});

describe("what has begun last", () => {
  const chapters = [{ from_us: 0 }, { from_us: 5_000_000 }];
  test("is the one before a moment", () => {
    expect(lastBegun(chapters, 4_999)).toBe(chapters[0]);
    expect(lastBegun(chapters, 5_000)).toBe(chapters[1]);
    expect(lastBegun([], 0)).toBeUndefined();
  });
});

describe("a film", () => {
  const file = (kind: MadeFile["kind"], name: string): MadeFile => ({ kind, name, bytes: 1, sha256: "" });
  test("has what was made with it, and nothing of another one", () => {
    const files = [
      file("sound", "derived/job_3/sound.m4a"),
      file("mp4", "derived/job_2/film.mp4"),
      file("index", "derived/job_2/film.json"),
      file("captions", "derived/job_2/captions.vtt"),
      file("captions", "derived/job_1/captions.vtt"),
      file("thumbnail", "derived/job_1/thumbnail.jpg"),
      file("mp4", "derived/job_1/film.mp4"),
    ];
    const film = filmOf(files);
    expect(film?.movie.name).toBe("derived/job_2/film.mp4");
    expect(film?.index?.name).toBe("derived/job_2/film.json");
    expect(film?.captions?.name).toBe("derived/job_2/captions.vtt");
    expect(film?.poster).toBeUndefined();
    expect(filmOf(files.slice(0, 1))).toBeNull();
  });
});
