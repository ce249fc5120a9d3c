import { expect, test } from "vitest";
import { bars, keyOf } from "./wifi";

test("strength becomes arcs", () => {
  expect([0, 19, 20, 44, 45, 69, 70, 100].map(bars)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
});

test("a network of both kinds is joined as WPA2, of which the box takes the better one, and some are not joined", () => {
  expect(keyOf("wpa2_wpa3")).toBe("wpa2");
  expect(keyOf("wpa3")).toBe("wpa3");
  expect(keyOf("enterprise")).toBeNull();
  expect(keyOf("wep")).toBeNull();
});
