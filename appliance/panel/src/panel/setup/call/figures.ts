// What the connection of the test call is like: by which way, how fast, how far. Pure.

export interface Path {
  /** Seconds to the box and back. */
  roundTrip: number;
  /** Bits a second that this browser thinks it could send; null: it does not say. */
  canSend: number | null;
  /** Bits a second that it sends. */
  sends: number;
  protocol: "udp" | "tcp";
}

type Report = Record<string, unknown>;

const number = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** Of one report of all statistics, and the report before; null: not known yet. */
export function pathOf(reports: Report[], earlier: Report[]): Path | null {
  const pair = nominated(reports);
  const roundTrip = number(pair?.currentRoundTripTime);
  if (!pair || roundTrip === null) return null;
  const local = reports.find(({ id }) => id === pair.localCandidateId);
  const old = earlier.find(({ id }) => id === pair.id);
  const seconds = ((number(pair.timestamp) ?? 0) - (number(old?.timestamp) ?? 0)) / 1000;
  const bytes = (number(pair.bytesSent) ?? 0) - (number(old?.bytesSent) ?? 0);
  const [protocol, tcp] = [local?.protocol, local?.relayProtocol];
  return {
    roundTrip,
    canSend: number(pair.availableOutgoingBitrate),
    sends: old && seconds > 0 ? Math.max(0, (bytes * 8) / seconds) : 0,
    protocol: protocol === "tcp" || tcp === "tcp" || tcp === "tls" ? "tcp" : "udp",
  };
}

/** The pair of addresses that is used. */
function nominated(reports: Report[]): Report | undefined {
  const pairs = reports.filter(({ type }) => type === "candidate-pair");
  const used = reports.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
  return (
    pairs.find(({ id }) => id === used?.selectedCandidatePairId) ??
    pairs.find(({ nominated, state }) => nominated === true && state === "succeeded")
  );
}

export type PathAdvice = "good" | "tcp" | "slow" | "far";

/** A picture of 720 lines takes about so much. */
const PICTURE_BITS = 1_500_000;
const FAR_S = 0.15;

/** The one thing to say about it. */
export function adviceOnPath(path: Path): PathAdvice {
  if (path.roundTrip > FAR_S) return "far";
  if (path.canSend !== null && path.canSend < PICTURE_BITS) return "slow";
  return path.protocol === "tcp" ? "tcp" : "good";
}
