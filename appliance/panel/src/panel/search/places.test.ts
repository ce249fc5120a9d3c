import { describe, expect, it } from "vitest";
import { NAMES } from "../parts/settingWords";
import { SETTINGS } from "./places";

/** Found under the label of the control that it is a choice of, or that its own page calls so. */
const SHOWN_AS: Partial<Record<keyof typeof NAMES, string>> = {
  "recording.overwrite_oldest": "retention.when_full",
  "updates.night_from": "updates.settings.night_from",
  "updates.night_to": "updates.settings.night_to",
};
const NOT_FOUND: Partial<Record<keyof typeof NAMES, string>> = {
  "box.language": "chosen in the assistant, which the search finds",
};

describe("places of the search", () => {
  it("have every setting that a file of settings can name", () => {
    const found = new Set<string>(SETTINGS.map(({ words }) => words));
    const keys = Object.keys(NAMES) as (keyof typeof NAMES)[];
    expect(keys.filter((key) => !found.has(SHOWN_AS[key] ?? NAMES[key]) && !(key in NOT_FOUND))).toEqual([]);
  });

  it("name each setting of a page once", () => {
    const addresses = SETTINGS.map(({ to, words }) => `${to} ${words}`);
    expect(addresses.filter((one, index) => addresses.indexOf(one) !== index)).toEqual([]);
  });
});
