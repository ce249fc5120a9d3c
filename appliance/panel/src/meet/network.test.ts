import { expect, test } from "vitest";
import { add, adviceOn, between, noCounters, type Counters, type Figures } from "./network";

test("counters become figures of one second", () => {
  const before = noCounters(1_000);
  const after = noCounters(3_000);
  add(after, [
    { type: "outbound-rtp", bytesSent: 250_000, packetsSent: 100, qualityLimitationReason: "none" },
    { type: "remote-inbound-rtp", fractionLost: 0.1, roundTripTime: 0.05 },
    { type: "remote-inbound-rtp", fractionLost: 0.02, roundTripTime: 0.08 },
    { type: "inbound-rtp", bytesReceived: 500_000, packetsReceived: 95, packetsLost: 5 },
    { type: "codec" },
  ]);
  expect(between(before, after)).toEqual({
    at: 3_000,
    up: 1_000_000,
    down: 2_000_000,
    lostUp: 10,
    lostDown: 5,
    roundTrip: 80,
    limit: null,
    paused: 0,
  });
});

test("a track that ended makes nothing negative", () => {
  const before: Counters = { ...noCounters(0), receivedBytes: 9_000, lostPackets: 40 };
  const figures = between(before, noCounters(1_000));
  expect([figures.down, figures.lostDown]).toEqual([0, 0]);
});

test("the network counts before the processor as a limit", () => {
  const counters = noCounters(0);
  add(counters, [
    { type: "outbound-rtp", qualityLimitationReason: "cpu" },
    { type: "outbound-rtp", qualityLimitationReason: "bandwidth" },
    { type: "outbound-rtp", qualityLimitationReason: "cpu" },
  ]);
  expect(counters.limit).toBe("bandwidth");
});

test("one thing is said, what can be helped first", () => {
  const second = (changes: Partial<Figures>): Figures => ({
    at: 0,
    up: 0,
    down: 0,
    lostUp: 0,
    lostDown: 0,
    roundTrip: 20,
    limit: null,
    paused: 0,
    ...changes,
  });
  expect(adviceOn([])).toBe("fine");
  expect(adviceOn([second({})])).toBe("fine");
  expect(adviceOn([second({ lostDown: 8, paused: 2, limit: "cpu" })])).toBe("loss");
  expect(adviceOn([second({ paused: 2, limit: "cpu" })])).toBe("paused");
  expect(adviceOn([second({ limit: "bandwidth", roundTrip: 900 })])).toBe("bandwidth");
  expect(adviceOn([second({ roundTrip: 900 })])).toBe("far");
  const once = [second({ lostUp: 15 }), ...Array.from({ length: 4 }, () => second({}))];
  expect(adviceOn(once)).toBe("fine");
});
