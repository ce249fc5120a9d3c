import { describe, expect, it } from "vitest";
import type { BoxPulse, FleetBox, Outage, ToldEvent } from "./api/schema";
import { FILTERS, alarms, clockAhead, detail, fits, lasting, silences, toldAs } from "./fleet";

function box(state: FleetBox["state"], said: Partial<BoxPulse> | null): FleetBox {
  const pulse = said && ({ recordings: 0, alarms: 0, free_bytes: 60, total_bytes: 100, ...said } as BoxPulse);
  return { id: "box-a", name: "Hall", state, joined_at: "", heard_at: null, pulse, refused: 0 };
}

describe("the boxes that are shown", () => {
  it.each([
    ["a quiet one", box("here", {}), ["all"]],
    ["one that records", box("here", { recordings: 2 }), ["all", "recording"]],
    ["one that fell silent while it recorded", box("stale", { recordings: 1 }), ["all", "attention", "silent"]],
    ["one that was never heard", box("unheard", null), ["all", "attention", "silent"]],
    ["a copied one", box("cloned", {}), ["all", "attention"]],
    ["one whose disk is full", box("here", { free_bytes: 4 }), ["all", "attention"]],
    ["one with an alarm", box("here", { alarms: 1 }), ["all", "attention"]],
    ["one that does not know its disk", box("here", { free_bytes: 0, total_bytes: 0 }), ["all"]],
  ])("%s", (_, one, shown) => {
    expect(FILTERS.filter((filter) => fits(one, filter))).toEqual(shown);
  });
});

describe("alarms of boxes", () => {
  it("are those of boxes that are heard", () => {
    const boxes = [box("here", { alarms: 2 }), box("cloned", { alarms: 1 }), box("stale", { alarms: 8 }), box("unheard", null)];
    expect(boxes.map(alarms)).toEqual([2, 1, 0, 0]);
  });
});

describe("clocks of boxes", () => {
  const heard = (clock: string | null) => ({ ...box("here", { clock }), heard_at: "2026-12-01T12:00:00Z" });

  it("agree within two minutes, and else say how far they are apart", () => {
    expect(clockAhead(heard("2026-12-01T12:02:00Z"))).toBeNull();
    expect(clockAhead(heard("2026-12-01T12:02:01Z"))).toBe(121);
    expect(clockAhead(heard("2026-12-01T11:00:00Z"))).toBe(-3600);
    expect(clockAhead(heard(null))).toBeNull();
    expect(clockAhead(box("unheard", null))).toBeNull();
    expect(fits(heard("2026-12-01T11:00:00Z"), "attention")).toBe(true);
  });
});

describe("silences", () => {
  const at = (second: number) => new Date(second * 1000).toISOString();
  const of = (since: number, until: number | null): Outage => ({
    since: at(since),
    until: until === null ? null : at(until),
  });

  it("are cut to what is shown, and one that goes on lasts until now", () => {
    const all = [of(95, null), of(60, 70), of(5, 20), of(1, 9), of(200, 300)];
    const shown = silences(all, 10_000, 100_000);
    expect(shown).toEqual([
      { from: 10_000, to: 20_000 },
      { from: 60_000, to: 70_000 },
      { from: 95_000, to: 100_000 },
    ]);
    expect(lasting(shown)).toBe(25_000);
    expect(silences([], 0, 10)).toEqual([]);
  });
});

describe("what a box told", () => {
  const told = (type: string, data: unknown) => ({ type, data }) as ToldEvent;

  it("has words if they are known, and its details may be anything", () => {
    expect(toldAs(told("room.created", {}))).toBe("room_created");
    expect(toldAs(told("moon.rose", {}))).toBeNull();
    expect(detail(told("room.created", { name: "Hall" }), "name")).toBe("Hall");
    for (const odd of [null, 7, "text", [], { name: 7 }]) {
      expect(detail(told("room.created", odd), "name")).toBe("");
    }
  });
});
