import { expect, it } from "vitest";
import { isolated, unturned } from "./direction";

it("closes what turns in a name, and leaves other names alone", () => {
  expect(isolated("Ada")).toBe("Ada");
  expect(isolated("שלום")).toBe("שלום");
  expect(isolated("\u202Egnp.exe")).toBe("\u2068\u202Egnp.exe\u2069");
});

it("lets no name end its own isolate", () => {
  expect(isolated("a\u2069\u202Eb")).toBe("\u2068a\u202Eb\u2069");
});

it("has nothing turn in a text of several parts", () => {
  expect(unturned("Grace \u202Egnp.exe\u202C, viewer")).toBe("Grace gnp.exe, viewer");
});
