import { describe, expect, it } from "vitest";
import { freeName, recordsItself } from "./quiet";

const NOW = Date.parse("2026-11-30T10:00:00Z");
const room = { id: "rm_1", record_always: false };
const event = (starts: string, ends: string, rest = {}) => ({
  room_id: "rm_1",
  starts_at: `2026-11-30T${starts}:00Z`,
  ends_at: `2026-11-30T${ends}:00Z`,
  state: "planned" as const,
  recording: null,
  ...rest,
});

describe("a room for a test call", () => {
  it("is one in which nothing is recorded by itself", () => {
    expect(recordsItself(room, [], NOW)).toBe(false);
    expect(recordsItself({ ...room, record_always: true }, [], NOW)).toBe(true);
    expect(recordsItself(room, [event("09:30", "10:30")], NOW)).toBe(true);
    expect(recordsItself(room, [event("09:30", "10:30", { room_id: "rm_2" })], NOW)).toBe(false);
  });

  it("is left alone shortly before something planned, and after somebody ended it early", () => {
    expect(recordsItself(room, [event("10:09", "11:00")], NOW)).toBe(true);
    expect(recordsItself(room, [event("10:30", "11:00")], NOW)).toBe(false);
    expect(recordsItself(room, [event("09:00", "10:30", { state: "stopped" })], NOW)).toBe(true);
    expect(recordsItself(room, [event("09:00", "09:59", { state: "stopped" })], NOW)).toBe(false);
  });

  it("follows the box in what is on, where the clocks differ", () => {
    expect(recordsItself(room, [event("11:00", "12:00", { state: "waiting" })], NOW)).toBe(true);
    expect(recordsItself(room, [event("08:00", "09:00", { state: "recording" })], NOW)).toBe(true);
  });

  it("gets a name that is free", () => {
    expect(freeName("Test room", [{ name: "Hall" }])).toBe("Test room");
    expect(freeName("Test room", [{ name: "test room" }, { name: "Test room 2" }])).toBe("Test room 3");
  });
});
