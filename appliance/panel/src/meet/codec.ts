// The codec in which this browser sends pictures into a room that takes some only.
import type { VideoCodec } from "../api/schema";

/** Mime types that a browser can send. */
function sendable(): string[] {
  const known = globalThis.RTCRtpSender?.getCapabilities?.("video")?.codecs ?? [];
  return known.map((codec) => codec.mimeType.toLowerCase());
}

/** Undefined: whatever it likes. Null: this room takes nothing that it has, and nobody will see it. */
export function codecFor(
  wanted: VideoCodec[],
  has: string[] = sendable(),
): VideoCodec | null | undefined {
  if (wanted.length === 0 || has.length === 0) return undefined;
  return wanted.find((codec) => has.includes(`video/${codec}`)) ?? null;
}
