import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { loadedBy, weigh } from "./vite-budget.ts";

const HTML = `<head>
  <link rel="icon" href="/assets/icon.svg" />
  <script type="module" crossorigin src="/assets/panel.js"></script>
  <link rel="modulepreload" crossorigin href="/assets/shared.js">
  <link rel="stylesheet" crossorigin href="/assets/panel.css">
</head>`;

test("what a page loads at once is its scripts, what they import, and its styles", () => {
  expect(loadedBy(HTML)).toEqual(["/assets/panel.js", "/assets/shared.js", "/assets/panel.css"]);
});

test("a page weighs what it loads as it is sent", async () => {
  const files: Record<string, Uint8Array> = {
    "index.html": new TextEncoder().encode(HTML),
    "assets/panel.js": new Uint8Array(100_000),
    "assets/shared.js": randomBytes(5_000),
    "assets/panel.css": randomBytes(3_000),
  };
  const weight = await weigh("index.html", async (name) => files[name] ?? new Uint8Array());
  // Zeros vanish, what is random stays.
  expect(weight).toBeGreaterThan(8_000);
  expect(weight).toBeLessThan(8_500);
});
