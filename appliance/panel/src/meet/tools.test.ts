import { expect, test } from "vitest";
import type { MeetingPoll } from "../api/schema";
import { countdown, pollsAsCsv, share, unanswered } from "./tools";

const poll = (over: Partial<MeetingPoll>): MeetingPoll => ({
  id: "p",
  question: "Lunch?",
  several: false,
  open_counts: false,
  asked_at: "2026-11-30T12:00:00.000Z",
  asked_by: "Ada",
  running: true,
  answers: [
    { text: "Soup", votes: 2 },
    { text: "=1+1", votes: null },
  ],
  voters: 3,
  mine: [],
  ...over,
});

test("polls wait for an answer while they run and this person has given none", () => {
  const waiting = poll({ id: "waits" });
  expect(unanswered([waiting, poll({ running: false }), poll({ mine: [1] })])).toEqual([waiting]);
});

test("shares are of people and never of nobody", () => {
  expect([share(1, 3), share(3, 3), share(null, 3), share(0, 0)]).toEqual([33, 100, 0, 0]);
});

test("a timer begins with what was set, ends with zero, and counts on behind it", () => {
  expect([60_000, 59_001, 3_600_000, 1].map(countdown)).toEqual(["1:00", "1:00", "1:00:00", "0:01"]);
  expect([0, -900, -1_000, -65_000].map(countdown)).toEqual(["0:00", "0:00", "−0:01", "−1:05"]);
});

test("answers that begin like formulas are text in a spreadsheet", () => {
  const csv = pollsAsCsv([poll({ question: 'Say "hi", Bob' })], ["Question", "Answer", "Votes", "People"]);
  expect(csv.split("\r\n").slice(0, 3)).toEqual([
    '"Question","Answer","Votes","People"',
    '"Say ""hi"", Bob","Soup","2","3"',
    `"Say ""hi"", Bob","'=1+1","","3"`,
  ]);
});
