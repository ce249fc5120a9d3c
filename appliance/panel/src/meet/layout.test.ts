import { describe, expect, test } from "vitest";
import { gridShape, pageOf, stableOrder, stageKey, tilesOnPage, type Candidate } from "./layout";

describe("a grid", () => {
  test.each([
    [1, 1280, 720, 1, 1],
    [2, 1280, 720, 2, 1],
    [4, 1280, 720, 2, 2],
    [9, 1280, 720, 3, 3],
    [2, 360, 640, 1, 2],
    [3, 360, 640, 1, 3],
    [6, 1440, 400, 3, 2],
  ])("of %d tiles in %d×%d has %d columns and %d rows", (count, width, height, columns, rows) =>
    expect(gridShape(count, width, height)).toEqual({ columns, rows }),
  );

  test("always has room for all", () => {
    for (let count = 1; count < 30; count += 1) {
      for (const [width, height] of [[360, 640], [1440, 900], [900, 300]] as const) {
        const { columns, rows } = gridShape(count, width, height);
        expect(columns * rows).toBeGreaterThanOrEqual(count);
      }
    }
  });

  test("shows fewer tiles on a phone than on a desk", () => {
    expect(tilesOnPage(360, 560)).toBeGreaterThanOrEqual(4);
    expect(tilesOnPage(360, 560)).toBeLessThan(tilesOnPage(1440, 800));
    expect(tilesOnPage(10, 10)).toBe(1);
  });
});

test("a page beyond the last is the last", () => {
  expect(pageOf([1, 2, 3, 4, 5], 7, 2)).toEqual({ items: [5], pages: 3, page: 2 });
  expect(pageOf([], 0, 4)).toEqual({ items: [], pages: 1, page: 0 });
});

describe("the order of tiles", () => {
  const person = (key: string, spokeAt = 0): Candidate => ({
    key,
    isScreen: false,
    isLocal: key === "me",
    spokeAt,
  });

  test("keeps places and puts newcomers last", () =>
    expect(stableOrder(["a", "me"], [person("me"), person("new"), person("a")], 9)).toEqual([
      "a",
      "me",
      "new",
    ]));
  test("forgets who left", () =>
    expect(stableOrder(["a", "b"], [person("b")], 9)).toEqual(["b"]));
  test("brings a speaker to the first page for whom was silent longest", () =>
    expect(
      stableOrder(
        ["me", "a", "b", "c", "d"],
        [person("me"), person("a", 5), person("b", 3), person("c"), person("d", 7)],
        3,
      ),
    ).toEqual(["me", "a", "d", "c", "b"]));
  test("moves nobody whose page is right", () =>
    expect(stableOrder(["a", "b", "c"], [person("a", 9), person("b", 8), person("c", 1)], 2)).toEqual(
      ["a", "b", "c"],
    ));
  test("holds each tile once", () => {
    const many = [..."abcdefgh"].map((key, at) => person(key, (at * 37) % 11));
    expect([...stableOrder([..."hgfedcba"], many, 4)].sort()).toEqual([..."abcdefgh"]);
  });
});

describe("the stage", () => {
  const me: Candidate = { key: "me", isScreen: false, isLocal: true, spokeAt: 900 };
  const ada: Candidate = { key: "ada", isScreen: false, isLocal: false, spokeAt: 100 };
  const grace: Candidate = { key: "grace", isScreen: false, isLocal: false, spokeAt: 500 };
  const screen: Candidate = { key: "screen", isScreen: true, isLocal: false, spokeAt: 0 };

  test("is empty in a grid", () => expect(stageKey([me, ada], "grid", null)).toBeNull());
  test("goes to a screen even in a grid", () =>
    expect(stageKey([me, ada, screen], "grid", null)).toBe("screen"));
  test("goes to whom the viewer pinned before a screen", () =>
    expect(stageKey([me, ada, screen], "grid", "ada")).toBe("ada"));
  test("forgets a pin whose person left", () =>
    expect(stageKey([me, ada], "grid", "grace")).toBeNull());
  test("goes to the latest speaker, never to oneself", () =>
    expect(stageKey([me, ada, grace], "speaker", null)).toBe("grace"));
  test("is empty when one is alone", () => expect(stageKey([me], "speaker", null)).toBeNull());
  test("prefers another's screen to one's own", () =>
    expect(stageKey([{ ...screen, key: "mine", isLocal: true }, screen], "grid", null)).toBe(
      "screen",
    ));
});
