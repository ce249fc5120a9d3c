import { describe, expect, test } from "vitest";
import { ahead, bitRate, bytes, clock, percent, relative, share, span } from "./format";

describe("bytes", () => {
  test.each([
    [0, "0\u00a0B"],
    [999, "999\u00a0B"],
    [1_000, "1\u00a0kB"],
    [1_536_000, "1.5\u00a0MB"],
    [820_000_000, "820\u00a0MB"],
    [999_600_000, "1\u00a0GB"],
    [3_200_000_000_000, "3.2\u00a0TB"],
  ])("%d is %s", (value, text) => expect(bytes(value, "en")).toBe(text));

  test("German writes a comma", () => expect(bytes(1_500, "de")).toBe("1,5\u00a0kB"));
});

describe("clock", () => {
  test.each([
    [-5, "0:00"],
    [7_999, "0:07"],
    [754_000, "12:34"],
    [3_723_000, "1:02:03"],
  ])("%d ms is %s", (ms, text) => expect(clock(ms)).toBe(text));
});

test("bit rates count bits", () => {
  expect(bitRate(125_000, "en")).toBe("1\u00a0Mbit/s");
  expect(bitRate(1_000, "en")).toBe("8\u00a0kbit/s");
  expect(bitRate(250_000_000, "en")).toBe("2\u00a0Gbit/s");
});

test("spans use one unit", () => {
  expect(span(9 * 86_400 + 5_000, "en")).toBe("9 days");
  expect(span(5_400, "de")).toBe("2 Stunden");
  expect(span(0, "en")).toBe("0 seconds");
});

test("time ahead is declined", () => {
  expect(ahead(9 * 86_400, "de")).toBe("in 9 Tagen");
  expect(ahead(-3 * 86_400, "de")).toBe("vor 3 Tagen");
  expect(ahead(86_400, "en")).toBe("in 1 day");
});

test("relative time looks back and forward", () => {
  const now = Date.parse("2026-01-02T12:00:00Z");
  expect(relative("2026-01-02T11:55:00Z", now, "en")).toBe("5 minutes ago");
  expect(relative("2026-01-01T12:00:00Z", now, "en")).toBe("yesterday");
  expect(relative("2026-01-02T12:00:10Z", now, "en")).toBe("in 10 seconds");
});

test("a share stays within the bar", () => {
  expect(share(5, 0)).toBe(0);
  expect(share(15, 10)).toBe(100);
  expect(percent(12.4, "en")).toBe("12%");
});
