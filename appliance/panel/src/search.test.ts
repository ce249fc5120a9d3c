import { expect, test } from "vitest";
import { find } from "./search";

const entries = [
  { name: "People in a room at most", within: "Meetings", also: "limit maximum" },
  { name: "Rooms", also: "meetings conference" },
  { name: "Räume aufräumen" },
  { name: "Groß" },
];
const names = (text: string) => find(entries, text, 10).map(({ name }) => name);

test("what begins with the words comes before what has them within", () => {
  expect(names("room")).toEqual(["Rooms", "People in a room at most"]);
});

test("other words for it find it, and every word must fit", () => {
  expect(names("limit people")).toEqual(["People in a room at most"]);
  expect(names("conference")).toEqual(["Rooms"]);
  expect(names("conference limit")).toEqual([]);
});

test("accents, capitals and spaces do not matter", () => {
  expect(names("  RAUME ")).toEqual(["Räume aufräumen"]);
  expect(names("gross")).toEqual(["Groß"]);
});

test("nothing typed finds nothing, and no more than wanted is found", () => {
  expect(names(" ")).toEqual([]);
  expect(find(entries, "r", 1)).toHaveLength(1);
});
