import { Track } from "livekit-client";
import { expect, test } from "vitest";
import { allowed } from "./allowed";

const granted = (sources: Track.Source[], more = {}) => ({
  canPublish: true,
  canPublishData: true,
  canPublishSources: sources.map((source) => Track.sourceToProto(source)),
  ...more,
});
const { Camera, Microphone, ScreenShare, ScreenShareAudio } = Track.Source;

test("no list of sources means all of them", () => {
  const all = { camera: true, share: true, chat: true };
  expect(allowed(undefined)).toEqual(all);
  expect(allowed(granted([]))).toEqual(all);
});

test("a list of sources takes away what is not on it", () => {
  expect(allowed(granted([Microphone, Camera]))).toEqual({ camera: true, share: false, chat: true });
  const shares = [Microphone, ScreenShare, ScreenShareAudio];
  expect(allowed(granted(shares))).toEqual({ camera: false, share: true, chat: true });
  const silent = granted([], { canPublish: false, canPublishData: false });
  expect(allowed(silent)).toEqual({ camera: false, share: false, chat: false });
});
