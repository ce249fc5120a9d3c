// The test call itself: join, measure, record ten seconds, leave, wait for the film. It goes on without the
// page being drawn, ends cleanly wherever it is, and tells each change.
import { ConnectionError, ConnectionErrorReason, Room, RoomEvent, type LocalTrack } from "livekit-client";
import { api, Refusal } from "../../../api/client";
import { door } from "../../../api/door";
import type { Recording } from "../../../api/schema";
import { pathOf, type Path } from "./figures";

export const RECORD_MS = 10_000;
const LOOK_MS = 500;
/** Then the estimate of what can be sent has grown to what is. */
const MEASURE_MS = 4_000;
const ASK_MS = 1_000;

/** Where it went wrong. */
export type Fault = "occupied" | "join" | "path" | "lost" | "record" | "empty" | "film";

export type CallState =
  | { at: "ready" }
  | { at: "joining" }
  | { at: "measuring" }
  | { at: "recording"; since: number; path: Path | null }
  | { at: "making"; recording: Recording; path: Path | null }
  | { at: "watch"; recording: Recording; path: Path | null }
  | { at: "failed"; fault: Fault; error: unknown; recording: Recording | null };

class Failed extends Error {
  constructor(
    readonly fault: Fault,
    readonly reason: unknown = null,
  ) {
    super(fault);
  }
}

/** Somebody has stopped it. */
class Stopped extends Error {}

export interface CallPlan {
  room: { id: string; name: string };
  /** As the others would see them. */
  person: string;
  tracks: LocalTrack[];
  /** Of the recording. */
  title: string;
  told: (state: CallState) => void;
}

export class TestCall {
  private room: Room | null = null;
  private recording: Recording | null = null;
  private records = false;
  private stopped = false;
  private wake: (() => void) | null = null;

  constructor(private readonly plan: CallPlan) {}

  /** All of it, to the film or to what went wrong. */
  async run(): Promise<void> {
    const { told } = this.plan;
    try {
      told({ at: "joining" });
      await this.join();
      told({ at: "measuring" });
      const path = await this.measure();
      const captured = await this.record(path);
      await this.leave();
      await this.film(captured, path);
    } catch (error) {
      await this.leave();
      if (error instanceof Stopped || this.stopped) return;
      const { fault, reason } = error instanceof Failed ? error : { fault: "join" as const, reason: error };
      told({ at: "failed", fault, error: reason, recording: this.recording });
    }
  }

  /** Ends it, wherever it is; what was recorded stays in the library. */
  stop(): void {
    this.stopped = true;
    this.wake?.();
  }

  private async join(): Promise<void> {
    const { room, person, tracks } = this.plan;
    const now = await api.room(room.id);
    if (now.meeting) throw new Failed("occupied");
    const pass = await door.enter(room.id, { name: person, invite: null, pin: "", before: null });
    this.alive();
    this.room = new Room({ disconnectOnPageLeave: true });
    this.room.on(RoomEvent.Disconnected, () => this.wake?.());
    try {
      await this.room.connect(location.origin.replace(/^http/, "ws"), pass.token);
      for (const track of tracks) await this.room.localParticipant.publishTrack(track);
    } catch (error) {
      this.alive();
      // The signalling goes where the page came from: who gets so far and no further has no way for media.
      const refused = error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed;
      throw new Failed(refused ? "join" : "path", error);
    }
    this.alive();
  }

  private async measure(): Promise<Path | null> {
    const end = performance.now() + MEASURE_MS;
    let earlier: Record<string, unknown>[] = [];
    let path: Path | null = null;
    while (performance.now() < end) {
      await this.pause(LOOK_MS);
      const reports = await this.reports();
      path = pathOf(reports, earlier) ?? path;
      earlier = reports;
    }
    return path;
  }

  private async reports(): Promise<Record<string, unknown>[]> {
    const found = await this.plan.tracks[0]?.getRTCStatsReport();
    return found ? [...(found.values() as Iterable<Record<string, unknown>>)] : [];
  }

  private async record(path: Path | null): Promise<Recording> {
    const { room, title, told } = this.plan;
    try {
      this.recording = await api.startRecording(room.id);
    } catch (error) {
      const always = error instanceof Refusal && error.code === "already_recording";
      const running = always ? (await api.room(room.id)).meeting?.recording : null;
      if (!running) throw new Failed("record", error);
      this.recording = await api.recording(running.id);
    }
    this.records = true;
    // Its name is a help, and no reason to fail.
    await api.renameRecording(this.recording.id, title).catch(() => undefined);
    // Whoever sets the clock meanwhile makes it neither longer nor shorter.
    const end = performance.now() + RECORD_MS;
    told({ at: "recording", since: Date.now(), path });
    while (performance.now() < end) await this.pause(LOOK_MS);
    try {
      const captured = await api.stopRecording(room.id);
      this.records = false;
      return captured;
    } catch (error) {
      throw new Failed("record", error);
    }
  }

  private async film(captured: Recording, path: Path | null): Promise<void> {
    const { told } = this.plan;
    let recording = captured;
    for (;;) {
      if (recording.state === "ready") return told({ at: "watch", recording, path });
      if (recording.state === "empty") throw new Failed("empty");
      if (recording.state === "parked") throw new Failed("film", recording.job?.error);
      told({ at: "making", recording, path });
      await this.pause(ASK_MS, false);
      // A box that is busy, or a network that is away for a moment: it is asked again.
      recording = await api.recording(recording.id).catch((error: unknown) => {
        if (error instanceof Refusal && error.status === 404) throw new Failed("film", error);
        return recording;
      });
    }
  }

  /** Nobody is left behind in the room, and no light stays on. */
  private async leave(): Promise<void> {
    for (const track of this.plan.tracks) track.stop();
    const { room } = this;
    this.room = null;
    if (!room) return;
    const alone = room.remoteParticipants.size === 0;
    const { id } = this.plan.room;
    // What is over already need not be ended: then the box refuses, which is as good.
    if (this.records) await api.stopRecording(id).catch(() => undefined);
    await room.disconnect().catch(() => undefined);
    // Somebody who came meanwhile stays.
    if (alone) await api.endMeeting(id).catch(() => undefined);
  }

  private alive(): void {
    if (this.stopped) throw new Stopped();
  }

  /** Waits; ends early if it is stopped, and fails if the call is cut. */
  private async pause(ms: number, inCall = true): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = null;
    this.alive();
    if (inCall && this.room?.state === "disconnected") throw new Failed("lost");
  }
}
