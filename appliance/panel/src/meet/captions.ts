// What is said, as lines of text: which are shown, what replaces what, when they fade. Pure.
//
// Programs that transcribe send each segment of speech as text streams of topic `lk.transcription`:
// again and again while they are not sure of it (`lk.transcription_final` is "false"), the last time
// as "true". A stream may also grow while it is written.

export const TOPIC = "lk.transcription";

/** Lines that are shown at a time. */
const LINES = 2;
/** A line that nothing was added to for so long goes. */
const FADES_MS = 8_000;
/** Characters of a segment that are shown: its end, for who speaks without a pause. */
const LONGEST = 160;

export interface Segment {
  /** Names it among all segments of all speakers. */
  key: string;
  speaker: string;
  text: string;
  /** It will not change any more. */
  final: boolean;
  /** When something was added to it last, in milliseconds. */
  at: number;
}

export type Said = Omit<Segment, "at">;

/** What a stream is about, from its attributes. */
export function segmentOf(
  attributes: Record<string, string> | undefined,
  stream: string,
  sender: string,
): { key: string; final: boolean; track: string | null } {
  const id = attributes?.["lk.segment_id"] || stream;
  return {
    key: `${sender}/${id}`,
    final: attributes?.["lk.transcription_final"] === "true",
    track: attributes?.["lk.transcribed_track_id"] || null,
  };
}

/** The segments after somebody said something, oldest first. */
export function heard(segments: readonly Segment[], said: Said, now: number): Segment[] {
  const text = said.text.trim().replace(/\s+/g, " ");
  const known = segments.findIndex((segment) => segment.key === said.key);
  // A guess that was late must not replace what is certain.
  if (segments[known]?.final && !said.final) return [...segments];
  // What turned out to be no speech is taken back.
  if (text === "") return said.final ? segments.filter((_, at) => at !== known) : [...segments];
  const segment = { ...said, text, at: now };
  const next =
    known < 0
      ? [...segments, segment]
      : segments.map((other, at) => (at === known ? segment : other));
  return next.slice(-LINES);
}

/** The segments that have not faded by now. */
export function lasting(segments: readonly Segment[], now: number): Segment[] {
  return segments.filter((segment) => now - segment.at < FADES_MS);
}

/** Milliseconds until the next one fades; null: there is none. */
export function nextFade(segments: readonly Segment[], now: number): number | null {
  if (segments.length === 0) return null;
  return Math.max(0, Math.min(...segments.map((segment) => segment.at)) + FADES_MS - now);
}

/** The end of a text, from the beginning of a word. */
export function endOf(text: string, longest = LONGEST): string {
  if (text.length <= longest) return text;
  const end = text.slice(-longest);
  const word = end.indexOf(" ");
  return `… ${end.slice(word + 1)}`;
}
