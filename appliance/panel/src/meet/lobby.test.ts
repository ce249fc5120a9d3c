import { expect, test } from "vitest";
import { awaitedBy, wasLetIn } from "./lobby";

test("who waits is told by the box, and for what", () => {
  const of = (attributes: Record<string, string>) => awaitedBy({ attributes });
  expect(of({})).toBeNull();
  expect(of({ hand: "1" })).toBeNull();
  expect(of({ "roombox.waiting": "" })).toBeNull();
  expect(of({ "roombox.waiting": "host_absent" })).toBe("host");
  expect(of({ "roombox.waiting": "host_present" })).toBe("word");
  expect(of({ "roombox.waiting": "something newer" })).toBe("word");
});

test("who waits no more was let in, and no other change says so", () => {
  const waiting = { "roombox.waiting": "" };
  expect(wasLetIn(waiting, { attributes: {} })).toBe(true);
  expect(wasLetIn({ hand: "1" }, { attributes: { hand: "1" } })).toBe(false);
  const still = { "roombox.waiting": "host_present" };
  expect(wasLetIn(still, { attributes: still })).toBe(false);
});
