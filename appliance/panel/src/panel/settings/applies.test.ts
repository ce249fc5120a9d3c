import { describe, expect, it } from "vitest";
import { applies as de } from "../../i18n/applies.de";
import { applies as en } from "../../i18n/applies.en";
import { NAMES } from "../parts/settingWords";
import { APPLIES, OF_A_FILE, WHEN } from "./applies";

const pages = Object.values(
  import.meta.glob<string>("../**/*.tsx", { query: "?raw", import: "default", eager: true }),
).join("\n");

describe("when a setting counts", () => {
  it("is said beside each setting that the panel has", () => {
    const all = Object.keys(NAMES).filter((key) => !(OF_A_FILE as readonly string[]).includes(key));
    expect(Object.keys(APPLIES).sort()).toEqual(all.sort());
    // Beside its field: `help("…", …)`, or by the name of a list of fields.
    expect(all.filter((key) => !pages.includes(`help("${key}"`) && !pages.includes(`key: "${key}"`))).toEqual([]);
  });

  it("is said in both languages, and nothing is said that no setting needs", () => {
    expect(Object.keys(en).sort()).toEqual([...WHEN].sort());
    expect(Object.keys(de).sort()).toEqual([...WHEN].sort());
    const used = new Set<string>(Object.values(APPLIES));
    expect(WHEN.filter((when) => !used.has(when))).toEqual([]);
  });
});
