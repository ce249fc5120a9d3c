import { describe, expect, it } from "vitest";
import type { TimeView } from "../../api/schema";
import { clockAdvice, proposedZone, readClock, zonesWith } from "./clock";

const TIME: TimeView = {
  managed: true,
  unmanaged_because: null,
  now: "2026-11-30T10:00:00+01:00",
  zone: "Europe/Berlin",
  can_ntp: true,
  ntp: true,
  servers: [],
  synchronised: true,
  server: null,
};
const NINE = Date.parse("2026-11-30T09:00:00Z");

describe("the two clocks", () => {
  it("agree within a minute, whatever the zone and however slow the answer", () => {
    expect(readClock(TIME, NINE - 4_000, NINE + 4_000).aheadMs).toBe(0);
    expect(clockAdvice({ time: TIME, aheadMs: 60_000 })).toBe("agrees");
    expect(clockAdvice({ time: TIME, aheadMs: -60_000 })).toBe("agrees");
  });

  it("differ: what helps depends on who sets the box's", () => {
    const advice = (change: Partial<TimeView>) =>
      clockAdvice({ time: { ...TIME, ...change }, aheadMs: -61_000 });
    expect(advice({})).toBe("device");
    expect(advice({ synchronised: false })).toBe("server");
    expect(advice({ ntp: false })).toBe("hand");
    expect(advice({ managed: false })).toBe("machine");
  });

  it("propose the device's zone to a box that has none, and leave another alone", () => {
    expect(proposedZone("UTC", "Asia/Tokyo")).toBe("Asia/Tokyo");
    expect(proposedZone("Europe/Paris", "Asia/Tokyo")).toBe("Europe/Paris");
    expect(zonesWith("Asia/Tokyo").filter((zone) => zone === "Asia/Tokyo")).toHaveLength(1);
  });
});
