import { expect, test } from "vitest";
import type { Handout } from "../api/schema";
import { attributesOf, fileOf } from "./handouts";

const plan: Handout = {
  name: "Plan.pdf",
  bytes: 12,
  path: `/f/${"A2".repeat(16)}`,
  picture: false,
  by: "Ada",
  at: "2026-11-30T12:00:00.000Z",
};

test("a message brings its file", () => {
  expect(fileOf(attributesOf(plan))).toEqual({ name: "Plan.pdf", bytes: 12, path: plan.path, picture: false });
});

test("a message leads nowhere but to files of this box", () => {
  expect(fileOf(undefined)).toBeNull();
  expect(fileOf({ "roombox.file": "{" })).toBeNull();
  expect(fileOf({ "roombox.file": "null" })).toBeNull();
  for (const path of ["https://evil.example/f/A", "//evil.example", "/f/../api/v1/rooms", "javascript:alert(1)", "/f/x"]) {
    expect(fileOf(attributesOf({ ...plan, path }))).toBeNull();
  }
});
