import { expect, test } from "vitest";
import type { Alarm, Job, Room, ScheduledEvent, Target } from "./api/schema";
import { comingEvents, copiesOf, liveRooms, openAlarms, workOf } from "./home";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 30, 10, minute)).toISOString();

test("what is broken comes first, then what has waited longest; what somebody cares for is left out", () => {
  const alarm = (id: string, severity: string, since: string, acknowledged_at: string | null = null) =>
    ({ id, severity, since, acknowledged_at }) as Alarm;
  const found = openAlarms([
    alarm("late", "attention", at(9)),
    alarm("early", "attention", at(1)),
    alarm("known", "broken", at(0), at(2)),
    alarm("broken", "broken", at(20)),
  ]);
  expect(found.map(({ id }) => id)).toEqual(["broken", "early", "late"]);
});

test("rooms with a meeting, those that are recorded first", () => {
  const room = (id: string, meeting: object | null) => ({ id, meeting }) as Room;
  const found = liveRooms([
    room("empty", null),
    room("old", { started_at: at(0), recording: null }),
    room("recorded", { started_at: at(5), recording: { id: "rec" } }),
  ]);
  expect(found.map(({ id }) => id)).toEqual(["recorded", "old"]);
});

test("what is over or will not be is not next", () => {
  const event = (id: string, from: number, to: number, state = "planned") =>
    ({ id, starts_at: at(from), ends_at: at(to), state }) as ScheduledEvent;
  const events = [event("later", 40, 50), event("over", 0, 5), event("on", 0, 30, "recording"), event("missed", 0, 30, "missed")];
  expect(comingEvents(events, Date.parse(at(10)), 5).map(({ id }) => id)).toEqual(["on", "later"]);
  expect(comingEvents(events, Date.parse(at(10)), 1).map(({ id }) => id)).toEqual(["on"]);
});

test("films that are being made, the next ones, and how many more", () => {
  const job = (id: string, state: string, starts_at: string | null = null) => ({ id, state, starts_at }) as Job;
  const jobs = [job("c", "queued", at(9)), job("b", "queued", at(3)), job("a", "running"), job("p", "parked"), job("f", "finished")];
  const { shown, more, parked } = workOf(jobs, 2);
  expect(shown.map(({ id }) => id)).toEqual(["a", "b"]);
  expect([more, parked]).toEqual([1, 1]);
});

test("copies to targets that are off do not wait", () => {
  const target = (enabled: boolean, waiting: number) =>
    ({ enabled, tally: { waiting, waiting_bytes: waiting * 10, given_up: 1 } }) as Target;
  expect(copiesOf([target(true, 2), target(false, 5)])).toEqual({ waiting: 2, bytes: 20, givenUp: 1 });
});
