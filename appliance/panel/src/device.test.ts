import { expect, test } from "vitest";
import { deviceOf } from "./device";

test("browsers and systems are named as people know them", () => {
  const agents: [string, string][] = [
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"],
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36", "Chrome, Linux"],
    ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1", "Safari, iPhone"],
    ["Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"],
  ];
  for (const [agent, name] of agents) expect(deviceOf(agent)).toBe(name);
});

test("what nobody knows stays short, and nothing is nothing", () => {
  expect(deviceOf("a".repeat(100))).toHaveLength(40);
  expect(deviceOf(" ")).toBeNull();
  expect(deviceOf(null)).toBeNull();
});
