import { expect, test } from "vitest";
import { endOf, heard, lasting, nextFade, segmentOf, type Said, type Segment } from "./captions";

const said = (key: string, text: string, final = false): Said => ({ key, speaker: "Ada", text, final });
const texts = (segments: Segment[]) => segments.map((segment) => segment.text);

test("a segment is replaced in its place while it is not final", () => {
  let segments = heard([], said("a", "good"), 0);
  segments = heard(segments, said("b", "yes"), 10);
  segments = heard(segments, said("a", "good morning"), 20);
  expect(texts(segments)).toEqual(["good morning", "yes"]);
  segments = heard(segments, said("a", "Good morning.", true), 30);
  expect(texts(segments)).toEqual(["Good morning.", "yes"]);
  expect(texts(heard(segments, said("a", "good mourning"), 40))).toEqual(["Good morning.", "yes"]);
});

test("the last two lines stay", () => {
  let segments: Segment[] = [];
  for (const key of ["a", "b", "c"]) segments = heard(segments, said(key, key, true), 0);
  expect(texts(segments)).toEqual(["b", "c"]);
});

test("what turns out to be nothing is taken back, and an empty beginning changes nothing", () => {
  const segments = heard([], said("a", "hm"), 0);
  expect(texts(heard(segments, said("a", "  "), 10))).toEqual(["hm"]);
  expect(heard(segments, said("a", "", true), 10)).toEqual([]);
  expect(heard([], said("a", ""), 0)).toEqual([]);
});

test("line breaks of the program are no lines of the page", () => {
  expect(texts(heard([], said("a", " one\n two  three "), 0))).toEqual(["one two three"]);
});

test("lines fade one by one when nothing is added to them", () => {
  let segments = heard([], said("a", "first", true), 0);
  segments = heard(segments, said("b", "second"), 5_000);
  expect(texts(lasting(segments, 7_999))).toEqual(["first", "second"]);
  expect(nextFade(segments, 7_000)).toBe(1_000);
  expect(texts(lasting(segments, 8_000))).toEqual(["second"]);
  segments = heard(lasting(segments, 8_000), said("b", "second goes on"), 12_000);
  expect(texts(lasting(segments, 13_500))).toEqual(["second goes on"]);
  expect(lasting(segments, 20_000)).toEqual([]);
  expect(nextFade([], 0)).toBeNull();
});

test("attributes say which segment it is, of whom, and whether it is final", () => {
  const all = {
    "lk.segment_id": "SG_1",
    "lk.transcription_final": "true",
    "lk.transcribed_track_id": "TR_1",
  };
  expect(segmentOf(all, "stream", "agent")).toEqual({ key: "agent/SG_1", final: true, track: "TR_1" });
  expect(segmentOf(undefined, "stream", "agent")).toEqual({
    key: "agent/stream",
    final: false,
    track: null,
  });
});

test("of a long segment the end is shown, from a word's beginning", () => {
  expect(endOf("short", 20)).toBe("short");
  expect(endOf("who speaks without any pause", 14)).toBe("… any pause");
});
