import i18next from "i18next";
import { beforeEach, describe, expect, it, vi } from "vitest";

/** Parts are loaded as the page does it; a busy machine takes its time. */
const PATIENCE_MS = 20_000;

/** Words that come when the test says so. */
function awaited() {
  let come = () => {};
  const words = new Promise<object>((resolve) => {
    come = () => resolve({ hello: "Hallo" });
  });
  return { words, come };
}

/** The German words are there, and whoever waited for them has gone on. */
async function arrived() {
  const there = () => ["panel", "shared"].every((namespace) => i18next.hasResourceBundle("de", namespace));
  await vi.waitFor(() => expect(there()).toBe(true), { timeout: PATIENCE_MS });
  await new Promise((done) => setTimeout(done));
}

async function started(languages: string[]) {
  vi.stubGlobal("navigator", { languages });
  const start = await import("./start");
  const german = awaited();
  await start.startWords("panel", { en: () => Promise.resolve({ hello: "Hello" }), de: () => german.words });
  return { start, german };
}

describe("the language", { timeout: PATIENCE_MS }, () => {
  const stored = new Map<string, string>();
  const reload = vi.fn();

  beforeEach(() => {
    vi.resetModules();
    stored.clear();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => stored.set(key, value),
    });
    vi.stubGlobal("document", { documentElement: {} });
    vi.stubGlobal("location", { reload });
    for (const code of ["en", "de"]) {
      for (const namespace of ["panel", "setup", "shared"]) {
        if (i18next.isInitialized) i18next.removeResourceBundle(code, namespace);
      }
    }
  });

  it("is the one that was chosen last, also where another one's words come later", async () => {
    const { start, german } = await started(["en"]);
    start.chooseLanguage("de");
    start.chooseLanguage("en");
    german.come();
    await arrived();
    expect(i18next.language).toBe("en");
  });

  it("is the chosen one, also where the box suggested another one before", async () => {
    const { start, german } = await started(["fr"]);
    start.suggestLanguage("de");
    start.chooseLanguage("en");
    german.come();
    await arrived();
    expect(i18next.language).toBe("en");
  });

  it("changes only when the words of a part that came meanwhile are there, too", async () => {
    const { start, german } = await started(["en"]);
    start.chooseLanguage("de");
    const part = awaited();
    const added = start.addWords("setup", { en: () => Promise.resolve({ hello: "Hello" }), de: () => part.words });
    await added;
    german.come();
    await arrived();
    expect(i18next.language).toBe("en");
    part.come();
    await vi.waitFor(() => expect(i18next.language).toBe("de"), { timeout: PATIENCE_MS });
    expect(i18next.getResource("de", "setup", "hello")).toBe("Hallo");
  });
});
