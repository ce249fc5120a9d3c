import { expect, test } from "vitest";
import { codecFor } from "./codec";

test("the best codec of a room that a browser has is the one that it sends", () => {
  const has = ["video/vp8", "video/rtx", "video/h264"];
  expect(codecFor(["av1", "h264", "vp8"], has)).toBe("h264");
  expect(codecFor(["vp9"], has)).toBeNull();
});

test("where a room names none, or a browser says nothing, nothing is chosen", () => {
  expect(codecFor([], ["video/vp8"])).toBeUndefined();
  expect(codecFor(["h264"], [])).toBeUndefined();
});
