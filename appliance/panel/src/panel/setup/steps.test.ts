import { describe, expect, it } from "vitest";
import type { SetupView, StepState } from "../../api/schema";
import { after, before, countDone, COUNTED, firstOpen, openSteps, placeOf, reminds, stateOf } from "./steps";

const STEPS = ["box", "reach", "certificate", "room", "call"] as const;
const view = (states: StepState[], dismissed = false): SetupView => ({
  steps: STEPS.map((step, at) => ({ step, state: states[at] ?? "open", at: null })),
  dismissed,
});

describe("what of the set-up is open", () => {
  it("counts the owner as done, and what was left out as not", () => {
    const some = view(["done", "skipped", "open", "done", "open"]);
    expect([countDone(some), COUNTED]).toEqual([3, 6]);
    expect(openSteps(some)).toEqual(["certificate", "call"]);
    expect(stateOf(some, "reach")).toBe("skipped");
    expect(stateOf(some, "owner")).toBe("done");
  });

  it("goes on at the first open step, and at the end when there is none", () => {
    expect(firstOpen(view(["done", "skipped", "open", "open", "open"]))).toBe("certificate");
    const none = view(["done", "done", "skipped", "done", "done"]);
    expect(firstOpen(none)).toBe("done");
    expect(stateOf(none, "done")).toBe("done");
    expect(stateOf(view([]), "done")).toBe("open");
  });

  it("reminds whoever has something to do and did not say no", () => {
    expect(reminds(view(["done"]))).toBe(true);
    expect(reminds(view(["done"], true))).toBe(false);
    expect(reminds(view(["done", "done", "skipped", "done", "done"]))).toBe(false);
  });

  it("leads forth and back, and knows no other places", () => {
    expect([before("owner"), before("box"), after("call"), after("done")]).toEqual([null, "owner", "done", "done"]);
    expect([placeOf("room"), placeOf("../"), placeOf(undefined)]).toEqual(["room", null, null]);
  });
});
