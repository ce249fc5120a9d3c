import { describe, expect, test } from "vitest";
import type { TimelineItem } from "./api/schema";
import { stripOf } from "./timeline";

const joined: TimelineItem = { t_ms: 0, kind: "join", participant: "PA_1", identity: "ada", name: "Ada" };
const published = { participant: "PA_1", identity: "ada", media: "video", muted: false } as const;
const piece = { track: "TR_1", layer: "top", lost: 3 } as const;

describe("a strip", () => {
  test("ends what is open with the recording", () => {
    const strip = stripOf([joined, { t_ms: 100, kind: "speaker", participants: ["PA_1"] }], 1_000);
    expect(strip.lanes).toEqual([
      {
        participant: "PA_1",
        name: "Ada",
        present: [{ from: 0, to: 1_000 }],
        speaking: [{ from: 100, to: 1_000 }],
        sharing: [],
        gaps: [],
      },
    ]);
  });

  test("stops speech when somebody else speaks and when a person leaves", () => {
    const strip = stripOf(
      [
        joined,
        { t_ms: 10, kind: "join", participant: "PA_2", identity: "grace", name: "Grace" },
        { t_ms: 100, kind: "speaker", participants: ["PA_1"] },
        { t_ms: 200, kind: "speaker", participants: ["PA_2"] },
        { t_ms: 300, kind: "leave", participant: "PA_2" },
      ],
      1_000,
    );
    expect(strip.lanes.map((lane) => lane.speaking)).toEqual([
      [{ from: 100, to: 200 }],
      [{ from: 200, to: 300 }],
    ]);
    expect(strip.lanes[1]?.present).toEqual([{ from: 10, to: 300 }]);
  });

  test("gives a gap to the person whose track it is, and leaves silence out", () => {
    const strip = stripOf(
      [
        joined,
        { t_ms: 5, kind: "pub", track: "TR_1", ...published, source: "camera" },
        { t_ms: 50, kind: "gap", ...piece, from: 40_000, to: 50_000, reason: "loss" },
        { t_ms: 90, kind: "gap", ...piece, from: 60_000, to: 90_000, reason: "silence" },
      ],
      100,
    );
    expect(strip.lanes[0]?.gaps).toEqual([{ from: 40, to: 50, reason: "loss" }]);
  });

  test("shows screens, markers and power cuts", () => {
    const strip = stripOf(
      [
        joined,
        { t_ms: 10, kind: "pub", track: "TR_2", ...published, source: "screen_share" },
        { t_ms: 40, kind: "marker", text: "Question" },
        { t_ms: 60, kind: "unpub", track: "TR_2" },
        { t_ms: 70, kind: "power_loss", from: 65_000, to: 70_000 },
      ],
      100,
    );
    expect(strip.lanes[0]?.sharing).toEqual([{ from: 10, to: 60 }]);
    expect(strip.markers).toEqual([{ at: 40, text: "Question" }]);
    expect(strip.outages).toEqual([{ from: 65, to: 70, reason: "power_loss" }]);
  });
});
