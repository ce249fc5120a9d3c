import { describe, expect, it } from "vitest";
import { addressesOf, isOwnMachine, mdnsNames, noCamera } from "./reach";

describe("where other devices open the panel", () => {
  const names = ["192.168.1.5", "roombox-7f3a.local", "fe80::1", "2001:db8::5", "box.example.org", "127.0.0.1"];

  it("is first as this page is open, then by name, then by number", () => {
    const here = { protocol: "https:", hostname: "192.168.1.5", port: "" };
    expect(addressesOf(names, here)).toEqual([
      "https://192.168.1.5/panel/",
      "https://roombox-7f3a.local/panel/",
      "https://box.example.org/panel/",
      "https://[2001:db8::5]/panel/",
    ]);
  });

  it("is never the machine itself", () => {
    const here = { protocol: "http:", hostname: "127.0.0.1", port: "7880" };
    expect(addressesOf([], here)).toEqual([]);
    expect(addressesOf(["10.0.0.2"], here)).toEqual(["http://10.0.0.2:7880/panel/"]);
    expect(["localhost", "[::1]", "127.0.1.1"].every(isOwnMachine)).toBe(true);
    expect(["127.0.0.1.example.org", "10.0.0.1", "box.local"].map(isOwnMachine)).toEqual([false, false, false]);
    expect(mdnsNames(names)).toEqual(["roombox-7f3a.local"]);
  });
});

describe("a browser without a camera", () => {
  it("says why", () => {
    expect(noCamera(true, true, "https:")).toBe(null);
    expect(noCamera(true, true, "http:")).toBe(null);
    expect(noCamera(false, false, "http:")).toBe("http");
    expect(noCamera(false, false, "https:")).toBe("blocked");
  });
});
