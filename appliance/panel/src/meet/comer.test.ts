import { expect, it } from "vitest";
import { comerOf } from "./comer";

it("tells guests and those with a personal link by the identity that the box gave", () => {
  expect(comerOf("guest_01J0000000000000000000000A")).toBe("guest");
  expect(comerOf("rl_01J0000000000000000000000A_01J0000000000000000000000B")).toBe("by_link");
  expect(comerOf("moderator_01J0000000000000000000000A")).toBeNull();
  expect(comerOf("bot")).toBeNull();
});
