import { expect, it } from "vitest";
import { firstSentence } from "./reason";

it("takes what happened and leaves what to do about it", () => {
  expect(firstSentence("People are meeting in this room. End the meeting first.")).toBe("People are meeting in this room");
  expect(firstSentence("This box cannot erase itself: it was not started from its image. Stop it.")).toBe(
    "This box cannot erase itself",
  );
  expect(firstSentence("A version is numbers with points between, like 0.4.")).toBe(
    "A version is numbers with points between, like 0.4",
  );
});

it("says nothing where a value belongs that the log does not have", () => {
  expect(firstSentence("{{message}} is wrong. Try again.")).toBeNull();
  expect(firstSentence("This calendar cannot be followed: {{message}}.")).toBe("This calendar cannot be followed");
});
