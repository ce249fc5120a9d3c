import { describe, expect, test } from "vitest";
import { bitsOf, strengthOf } from "./password";

describe("a password", () => {
  test.each([
    ["", 0],
    ["Tr0ub4dor", 0],
    ["aaaaaaaaaaaaaa", 1],
    ["1234567890", 1],
    ["password123", 1],
    ["abcdefghijkl", 1],
    ["tableriver", 2],
    ["green-table-7", 4],
    ["correct horse battery staple", 4],
  ] as const)("%s has strength %d", (password, strength) =>
    expect(strengthOf(password)).toBe(strength),
  );
});

test("more letters are never easier", () => {
  expect(bitsOf("tableriverk")).toBeGreaterThan(bitsOf("tableriver"));
});
