import { describe, expect, it } from "vitest";
import { adviceOnPath, pathOf, type Path } from "./figures";

const reports = (bytesSent: number, timestamp: number, rtt?: number) => [
  { type: "candidate-pair", id: "P0", state: "failed", nominated: false, currentRoundTripTime: 9 },
  { type: "transport", id: "T", selectedCandidatePairId: "P1" },
  { type: "candidate-pair", id: "P1", localCandidateId: "L", state: "succeeded", nominated: true, timestamp, bytesSent,
    currentRoundTripTime: rtt, availableOutgoingBitrate: 4_000_000 },
  { type: "local-candidate", id: "L", protocol: "udp" },
];

describe("the way to the box", () => {
  it("is the pair that is used, with what went over it since the last look", () => {
    expect(pathOf(reports(250_000, 2_000, 0.004), reports(0, 1_000, 0.004))).toEqual({
      roundTrip: 0.004,
      canSend: 4_000_000,
      sends: 2_000_000,
      protocol: "udp",
    });
  });

  it("is not known before somebody has answered", () => {
    expect(pathOf(reports(0, 1_000), [])).toBe(null);
    expect(pathOf([], [])).toBe(null);
  });

  it("is judged by what hurts most", () => {
    const path: Path = { roundTrip: 0.01, canSend: 4e6, sends: 1e6, protocol: "udp" };
    expect(adviceOnPath(path)).toBe("good");
    expect(adviceOnPath({ ...path, canSend: null })).toBe("good");
    expect(adviceOnPath({ ...path, protocol: "tcp" })).toBe("tcp");
    expect(adviceOnPath({ ...path, protocol: "tcp", canSend: 1e6 })).toBe("slow");
    expect(adviceOnPath({ ...path, canSend: 1e6, roundTrip: 0.2 })).toBe("far");
  });
});
