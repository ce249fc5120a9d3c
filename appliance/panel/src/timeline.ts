// From what happened to what is drawn: one lane a person. Pure.
import type { GapReason, TimelineItem } from "./api/schema";

export interface Span {
  from: number;
  to: number;
}

export interface Gap extends Span {
  reason: Exclude<GapReason, "silence"> | "power_loss";
}

export interface Lane {
  participant: string;
  name: string;
  present: Span[];
  speaking: Span[];
  sharing: Span[];
  gaps: Gap[];
}

export interface Strip {
  lanes: Lane[];
  /** Times in which the box itself was down: they cross every lane. */
  outages: Gap[];
  /** Times in which nothing was recorded because somebody wanted it so. */
  pauses: Span[];
  markers: { at: number; text: string }[];
}

export function stripOf(items: TimelineItem[], durationMs: number): Strip {
  const lanes = new Map<string, Lane>();
  const present = new Map<string, number>();
  const speaking = new Map<string, number>();
  const sharing = new Map<string, { participant: string; since: number }>();
  const ownerOf = new Map<string, string>();
  const strip: Strip = { lanes: [], outages: [], pauses: [], markers: [] };
  let pausedAt: number | null = null;

  const laneOf = (participant: string, name?: string): Lane => {
    let lane = lanes.get(participant);
    if (!lane) {
      lane = { participant, name: name ?? participant, present: [], speaking: [], sharing: [], gaps: [] };
      lanes.set(participant, lane);
    }
    if (name) lane.name = name;
    return lane;
  };
  const end = (open: Map<string, number>, id: string, at: number, spans: (lane: Lane) => Span[]) => {
    const since = open.get(id);
    if (since === undefined) return;
    open.delete(id);
    spans(laneOf(id)).push({ from: since, to: at });
  };
  const endShare = (track: string, at: number) => {
    const share = sharing.get(track);
    if (!share) return;
    sharing.delete(track);
    laneOf(share.participant).sharing.push({ from: share.since, to: at });
  };

  for (const item of [...items].sort((a, b) => a.t_ms - b.t_ms)) {
    const at = item.t_ms;
    switch (item.kind) {
      case "join":
        laneOf(item.participant, item.name || item.identity);
        present.set(item.participant, present.get(item.participant) ?? at);
        break;
      case "leave":
        end(speaking, item.participant, at, (lane) => lane.speaking);
        end(present, item.participant, at, (lane) => lane.present);
        break;
      case "pub":
        ownerOf.set(item.track, item.participant);
        if (item.source === "screen_share") {
          sharing.set(item.track, { participant: item.participant, since: at });
        }
        break;
      case "unpub":
        endShare(item.track, at);
        break;
      case "speaker": {
        const now = new Set(item.participants);
        for (const id of [...speaking.keys()]) {
          if (!now.has(id)) end(speaking, id, at, (lane) => lane.speaking);
        }
        for (const id of now) if (!speaking.has(id)) speaking.set(id, at);
        break;
      }
      case "gap": {
        const owner = ownerOf.get(item.track);
        const { reason } = item;
        // Media that nobody sent is not missing.
        if (owner && reason !== "silence") laneOf(owner).gaps.push({ ...extent(item), reason });
        break;
      }
      case "power_loss":
        strip.outages.push({ ...extent(item), reason: "power_loss" });
        break;
      case "pause":
        pausedAt ??= at;
        break;
      case "resume":
        if (pausedAt !== null) strip.pauses.push({ from: pausedAt, to: at });
        pausedAt = null;
        break;
      case "marker":
        strip.markers.push({ at, text: item.text });
        break;
    }
  }

  if (pausedAt !== null) strip.pauses.push({ from: pausedAt, to: durationMs });
  for (const id of [...speaking.keys()]) end(speaking, id, durationMs, (lane) => lane.speaking);
  for (const id of [...present.keys()]) end(present, id, durationMs, (lane) => lane.present);
  for (const track of [...sharing.keys()]) endShare(track, durationMs);
  strip.lanes = [...lanes.values()];
  return strip;
}

/** The box's microseconds as milliseconds. */
function extent(item: Span): Span {
  const from = item.from / 1000;
  return { from, to: Math.max(from, item.to / 1000) };
}
