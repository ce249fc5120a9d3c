import { expect, it } from "vitest";
import { dateTime } from "./format";
import { regional } from "./regional";

it("takes the browser's own kind of the panel's language", () => {
  expect(regional("en", ["en-GB", "en-US"])).toBe("en-GB");
  expect(regional("de", ["en-US", "de-AT"])).toBe("de-AT");
});

it("takes the panel's where the browser has none of it, or says what is no language", () => {
  expect(regional("de", ["en-GB", "fr"])).toBe("de");
  expect(regional("en", ["eng_lish", "den"])).toBe("en");
});

it("writes British dates for a British browser", () => {
  const at = "2026-11-30T12:00:00Z";
  expect(dateTime(at, regional("en", ["en-GB"]))).toMatch(/^30 Nov 2026/);
  expect(dateTime(at, regional("en", ["de-AT"]))).toMatch(/^Nov 30, 2026/);
});
