import { expect, test } from "vitest";
import { handsFirst, raisedAt } from "./hand";

const person = (name: string, hand?: string) => {
  const attributes: Record<string, string> = hand === undefined ? {} : { hand };
  return { name, attributes };
};

test("who raised a hand first comes first, the others stay in their order", () => {
  const people = [person("a"), person("b", "200"), person("c", ""), person("d", "100"), person("e")];
  expect(handsFirst(people).map(({ name }) => name)).toEqual(["d", "b", "a", "c", "e"]);
});

test("what is no time is no raised hand", () => {
  expect([undefined, "", "0", "up", "-1", "NaN", "5"].map((hand) => raisedAt(person("", hand)))).toEqual([
    null, null, null, null, null, null, 5,
  ]);
});
