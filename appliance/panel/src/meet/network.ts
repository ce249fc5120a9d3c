// What the browser measures of this meeting's connection, and what it means. Pure but for `measure`.
import { Track, type Room } from "livekit-client";

/** Counters since the beginning, summed over all tracks. */
export interface Counters {
  at: number;
  sentBytes: number;
  sentPackets: number;
  receivedBytes: number;
  receivedPackets: number;
  lostPackets: number;
  /** The largest share that the box misses of one of our tracks, 0 to 1. */
  missed: number;
  /** Seconds; null: not known yet. */
  roundTrip: number | null;
  /** Why our own picture is smaller than it could be. */
  limit: "bandwidth" | "cpu" | null;
  /** Pictures of others that the box holds back. */
  paused: number;
}

/** One second. */
export interface Figures {
  at: number;
  /** Bits a second. */
  up: number;
  down: number;
  /** Percent. */
  lostUp: number;
  lostDown: number;
  /** Milliseconds; null: not known yet. */
  roundTrip: number | null;
  limit: Counters["limit"];
  paused: number;
}

export type Advice = "loss" | "paused" | "bandwidth" | "cpu" | "far" | "fine";

const LOSSY_PERCENT = 4;
const FAR_MS = 350;

export function noCounters(at: number): Counters {
  return {
    at,
    sentBytes: 0,
    sentPackets: 0,
    receivedBytes: 0,
    receivedPackets: 0,
    lostPackets: 0,
    missed: 0,
    roundTrip: null,
    limit: null,
    paused: 0,
  };
}

/** The reports of one track. Unknown kinds and missing fields count for nothing. */
export function add(counters: Counters, reports: Iterable<Record<string, unknown>>): void {
  const number = (value: unknown) => (typeof value === "number" ? value : 0);
  for (const report of reports) {
    if (report.type === "outbound-rtp") {
      counters.sentBytes += number(report.bytesSent);
      counters.sentPackets += number(report.packetsSent);
      const why = report.qualityLimitationReason;
      if (why === "bandwidth" || (why === "cpu" && counters.limit === null)) counters.limit = why;
    } else if (report.type === "inbound-rtp") {
      counters.receivedBytes += number(report.bytesReceived);
      counters.receivedPackets += number(report.packetsReceived);
      counters.lostPackets += number(report.packetsLost);
    } else if (report.type === "remote-inbound-rtp") {
      counters.missed = Math.max(counters.missed, number(report.fractionLost));
      if (typeof report.roundTripTime === "number") {
        counters.roundTrip = Math.max(counters.roundTrip ?? 0, report.roundTripTime);
      }
    }
  }
}

/** What happened between two measurements. A track that ended takes its counters along: never below 0. */
export function between(before: Counters, after: Counters): Figures {
  const seconds = Math.max(0.001, (after.at - before.at) / 1000);
  const grown = (key: "sentBytes" | "receivedBytes" | "receivedPackets" | "lostPackets") =>
    Math.max(0, after[key] - before[key]);
  const lost = grown("lostPackets");
  const expected = lost + grown("receivedPackets");
  return {
    at: after.at,
    up: (grown("sentBytes") * 8) / seconds,
    down: (grown("receivedBytes") * 8) / seconds,
    lostUp: after.missed * 100,
    lostDown: expected === 0 ? 0 : (lost * 100) / expected,
    roundTrip: after.roundTrip === null ? null : after.roundTrip * 1000,
    limit: after.limit,
    paused: after.paused,
  };
}

/** The one thing to say. What people can do something about comes first. */
export function adviceOn(seconds: Figures[]): Advice {
  const recent = seconds.slice(-5);
  const mean = (of: (one: Figures) => number) =>
    recent.reduce((sum, one) => sum + of(one), 0) / Math.max(1, recent.length);
  const last = recent.at(-1);
  if (mean((one) => Math.max(one.lostUp, one.lostDown)) > LOSSY_PERCENT) return "loss";
  if (last && last.paused > 0) return "paused";
  if (last?.limit) return last.limit;
  if (mean((one) => one.roundTrip ?? 0) > FAR_MS) return "far";
  return "fine";
}

/** Reads all tracks of a room now. */
export async function measure(room: Room): Promise<Counters> {
  const counters = noCounters(Date.now());
  const people = [room.localParticipant, ...room.remoteParticipants.values()];
  const tracks = people.flatMap((person) =>
    [...person.trackPublications.values()].map((publication) => publication.track),
  );
  for (const track of tracks) {
    if (!track) continue;
    if (track.streamState === Track.StreamState.Paused) counters.paused += 1;
    const reports = await track.getRTCStatsReport();
    if (reports) add(counters, reports.values() as Iterable<Record<string, unknown>>);
  }
  return counters;
}
