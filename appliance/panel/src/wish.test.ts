import { expect, test } from "vitest";
import type { Settings } from "./api/schema";
import { listed, missing, unlisted, wantable } from "./wish";

test("what can be wanted is every setting but secrets", () => {
  const settings = { meeting: { empty_timeout_s: 300 }, turn: { secret: "(hidden)", urls: [] } };
  const all = wantable(settings as unknown as Settings);
  expect(all).toEqual({ "meeting.empty_timeout_s": 300, "turn.urls": [] });
  expect(missing(all, { "turn.urls": ["turn:a"] })).toEqual(["meeting.empty_timeout_s"]);
});

test("a list is typed with spaces or commas between", () => {
  expect(unlisted(" turn:a,  turn:b ")).toEqual(["turn:a", "turn:b"]);
  expect(unlisted(listed(["turn:a", "turn:b"]))).toEqual(["turn:a", "turn:b"]);
  expect(unlisted("")).toEqual([]);
});
