import { describe, expect, it } from "vitest";
import {
  EVERYTHING,
  askedFor,
  dayByKey,
  dayOf,
  daysLater,
  monthsLater,
  narrowing,
  searchOf,
  shownOf,
  startOf,
  startsOf,
  weeksOf,
} from "./library";

describe("the library's address", () => {
  it("says what is shown, and nothing that is as always", () => {
    expect(searchOf({ view: "list", month: "2026-11", filter: EVERYTHING })).toBe("");
    const filter = { text: "größer & so", room: "Hall", state: "ready", from: "2026-11-01", to: "" } as const;
    const shown = { view: "calendar", month: "2026-11", filter } as const;
    expect(shownOf(searchOf(shown))).toEqual(shown);
    expect(narrowing(filter)).toBe(3);
    expect(narrowing(EVERYTHING)).toBe(0);
  });

  it("takes nonsense for nothing", () => {
    const shown = shownOf("?view=moon&month=2026-13&state=odd&from=2026-02-30&to=yesterday&text=%F0%9F");
    expect(shown).toMatchObject({ view: "list", month: "", filter: { state: "", from: "", to: "" } });
    expect([...shownOf(`?text=${"😀".repeat(500)}`).filter.text]).toHaveLength(200);
  });

  it("asks for whole days here, also where they end before they begin", () => {
    const asked = askedFor({ ...EVERYTHING, text: "  a  ", from: "2026-11-30", to: "2026-11-02" });
    expect(asked.get("text")).toBe("a");
    expect(asked.get("from")).toBe(new Date(2026, 10, 2).toISOString());
    expect(asked.get("to")).toBe(new Date(2026, 11, 1).toISOString());
    expect(askedFor(EVERYTHING).toString()).toBe("");
  });
});

describe("days", () => {
  it("are real, and follow each other over months and changes of the clock", () => {
    expect(startOf("2026-02-29")).toBeNull();
    expect(startOf("1969-12-31")).toBeNull();
    expect(startOf("2028-02-29")).toEqual(new Date(2028, 1, 29));
    for (const day of ["2026-03-28", "2026-10-24", "2026-12-31"]) {
      const next = daysLater(startOf(day) ?? new Date(0), 1);
      expect([next.getHours(), next.getMinutes()]).toEqual([0, 0]);
    }
    expect(monthsLater("2026-12", 1)).toBe("2027-01");
    expect(monthsLater("2026-01", -1)).toBe("2025-12");
  });

  it("fill whole weeks around a month", () => {
    const weeks = weeksOf("2026-11");
    expect(weeks.map((week) => week.length)).toEqual([7, 7, 7, 7, 7, 7]);
    expect(dayOf(weeks[0]?.[0] ?? new Date(0))).toBe("2026-10-26");
    expect(dayOf(weeks.at(-1)?.[6] ?? new Date(0))).toBe("2026-12-06");
    // It begins on a Monday and has 28 days: four weeks are enough.
    expect(weeksOf("2027-02")).toHaveLength(4);
    const starts = startsOf(weeks);
    expect(starts).toHaveLength(43);
    expect(starts.at(-1)).toBe(new Date(2026, 11, 7).toISOString());
  });

  it("are reached by keys as in any calendar", () => {
    const day = new Date(2026, 0, 31);
    const by = (key: string) => dayOf(dayByKey(key, day) ?? new Date(0));
    expect(by("ArrowRight")).toBe("2026-02-01");
    expect(by("ArrowUp")).toBe("2026-01-24");
    expect(by("Home")).toBe("2026-01-26");
    expect(by("End")).toBe("2026-02-01");
    expect(by("PageDown")).toBe("2026-02-28");
    expect(by("PageUp")).toBe("2025-12-31");
    expect(dayByKey("Tab", day)).toBeNull();
  });
});
