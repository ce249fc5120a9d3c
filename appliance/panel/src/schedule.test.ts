import { describe, expect, it } from "vitest";
import type { ScheduledEvent } from "./api/schema";
import { endOf, fieldOf, hoursOf, momentOf, stretchesOf, weekOf } from "./schedule";

function event(id: string, starts: Date, ends: Date): ScheduledEvent {
  return {
    id,
    room_id: "rm_1",
    room_name: "Studio",
    title: id,
    starts_at: starts.toISOString(),
    ends_at: ends.toISOString(),
    feed: null,
    state: "planned",
    recording: null,
    overlaps: false,
    extendable: false,
  };
}

const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute);

describe("a week", () => {
  it("begins on Monday and has seven days, also over the end of a month", () => {
    const week = weekOf(new Date(2026, 10, 29, 13), 0);
    expect(week.map((day) => day.getDate())).toEqual([23, 24, 25, 26, 27, 28, 29]);
    expect(weekOf(new Date(2026, 10, 29), 1).map((day) => day.getDate())).toEqual([30, 1, 2, 3, 4, 5, 6]);
    expect(endOf(week)).toEqual(new Date(2026, 10, 30));
  });
});

describe("a day", () => {
  it("shows what is on at the same time side by side, and what comes after it whole", () => {
    const events = [
      event("a", at(24, 9), at(24, 11)),
      event("b", at(24, 10), at(24, 12)),
      event("c", at(24, 11), at(24, 12)),
      event("d", at(24, 12), at(24, 13)),
    ];
    const lanes = stretchesOf(events, at(24, 0)).map(({ event, lane, lanes }) => [event.id, lane, lanes]);
    expect(lanes).toEqual([["a", 0, 2], ["b", 1, 2], ["c", 0, 2], ["d", 0, 1]]);
  });

  it("has its own part of what goes on over midnight, and of a short one enough to press", () => {
    const night = event("night", at(24, 22), at(25, 2));
    const short = event("short", at(25, 23, 58), at(25, 23, 59));
    const parts = (day: number) =>
      stretchesOf([night, short], at(day, 0)).map(({ from, to }) => [from, to]);
    expect(parts(24)).toEqual([[22 * 60, 24 * 60]]);
    expect(parts(25)).toEqual([[0, 120], [23 * 60 + 30, 24 * 60]]);
    expect(parts(26)).toEqual([]);
  });

  it("is as long as what is on, and eight to six at least", () => {
    expect(hoursOf([[], []])).toEqual({ from: 8, to: 18 });
    const early = stretchesOf([event("a", at(24, 6, 30), at(24, 7))], at(24, 0));
    const late = stretchesOf([event("b", at(24, 20), at(24, 20, 30))], at(24, 0));
    expect(hoursOf([early, late])).toEqual({ from: 6, to: 21 });
  });
});

describe("a field for a moment", () => {
  it("holds the reader's time, and nothing when it is empty", () => {
    expect(fieldOf(at(4, 9, 5))).toBe("2026-11-04T09:05");
    expect(momentOf("2026-11-04T09:05")).toBe(at(4, 9, 5).toISOString());
    expect(momentOf("")).toBeNull();
  });
});
