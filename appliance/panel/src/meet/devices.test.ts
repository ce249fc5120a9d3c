import { expect, test } from "vitest";
import { levelOf, troubleOf } from "./devices";

test("loudness is a share of what a voice reaches", () => {
  expect(levelOf(0)).toBe(0);
  expect(levelOf(1e-6)).toBeCloseTo(0, 2);
  expect(levelOf(1e-3)).toBeCloseTo(0.6, 2);
  expect(levelOf(1)).toBe(1);
});

test("each refusal of a device has a reason that a person can act on", () => {
  const named = (name: string) => Object.assign(new Error(), { name });
  expect(troubleOf(named("NotAllowedError"))).toBe("refused");
  expect(troubleOf(named("NotFoundError"))).toBe("missing");
  expect(troubleOf(named("NotReadableError"))).toBe("busy");
  expect(troubleOf("?")).toBe("other");
});
