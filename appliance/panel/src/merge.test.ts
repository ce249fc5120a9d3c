import { expect, test } from "vitest";
import { byBeginning, canMerge, moved } from "./merge";

test("an entry moves by one place and never out of the list", () => {
  expect(moved(["a", "b", "c"], 2, -1)).toEqual(["a", "c", "b"]);
  expect(moved(["a", "b", "c"], 0, 1)).toEqual(["b", "a", "c"]);
  expect(moved(["a", "b", "c"], 0, -1)).toEqual(["a", "b", "c"]);
  expect(moved(["a", "b", "c"], 2, 1)).toEqual(["a", "b", "c"]);
});

test("recordings are put in the order in which they happened", () => {
  const of = (id: string, started_at: string) => ({ id, started_at });
  const later = of("rec_1", "2026-11-28T14:00:00Z");
  const first = of("rec_2", "2026-11-28T09:00:00Z");
  const same = of("rec_3", "2026-11-28T09:00:00Z");
  expect(byBeginning([later, same, first]).map(({ id }) => id)).toEqual(["rec_2", "rec_3", "rec_1"]);
});

test("only what has ended and has a film can be merged", () => {
  const mp4 = { kind: "mp4", name: "film.mp4", bytes: 1, sha256: "" } as const;
  const sound = { ...mp4, kind: "sound" } as const;
  expect(canMerge({ state: "ready", files: [sound, mp4] })).toBe(true);
  expect(canMerge({ state: "ready", files: [sound] })).toBe(false);
  expect(canMerge({ state: "recording", files: [mp4] })).toBe(false);
});
