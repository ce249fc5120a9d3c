import { expect, test } from "vitest";
import { draftOf, EMPTY, isReachable, listOf, pageAt, settingsOf } from "./draft";

test("settings come back from the form as they went in", () => {
  const settings = {
    ipv4: { way: "static" as const, address: "192.168.1.5", prefix: 16, gateway: "" },
    ipv6: { way: "off" as const, address: "", prefix: 64, gateway: "" },
    dns: ["192.168.1.1", "2001:db8::1"],
    search: ["office.test"],
  };
  expect(settingsOf(draftOf(settings))).toEqual(settings);
  expect(settingsOf(draftOf(null))).toEqual(EMPTY);
});

test("a list is typed with lines, commas or blanks", () => {
  expect(listOf(" a.lan,b.lan\n\nc.lan; d.lan ")).toEqual(["a.lan", "b.lan", "c.lan", "d.lan"]);
});

test("the page at a new address keeps protocol and port", () => {
  const here = { protocol: "https:", port: "" };
  expect(pageAt("192.168.1.5/24", here)).toBe("https://192.168.1.5/panel/settings/network");
  expect(pageAt("2001:db8::5/64", { protocol: "http:", port: "7880" })).toBe(
    "http://[2001:db8::5]:7880/panel/settings/network",
  );
  expect(["192.168.1.5/24", "fe80::1/64", "169.254.7.7/16"].filter(isReachable)).toEqual(["192.168.1.5/24"]);
});
