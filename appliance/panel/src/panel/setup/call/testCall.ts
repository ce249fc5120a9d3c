// The test call itself: join, measure, record ten seconds, leave, wait for the film. It goes on without the
// page being drawn, ends cleanly wherever it is, and tells each change.
import { ConnectionError, ConnectionErrorReason, Room, RoomEvent, type LocalTrack } from "livekit-client";
import { api, Refusal } from "../../../api/client";
import { door } from "../../../api/door";
import type { Recording } from "../../../api/schema";
import { pathOf, type Path } from "./figures";
import { aroundNow, recordsItself } from "./quiet";

export const RECORD_MS = 10_000;
const LOOK_MS = 500;
/** Then the estimate of what can be sent has grown to what is. */
const MEASURE_MS = 4_000;
const ASK_MS = 1_000;

/** Where it went wrong. */
export type Fault = "occupied" | "planned" | "join" | "path" | "lost" | "record" | "empty" | "film";

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
  /** They are the call's from now on, which stops them in the end. */
  take: () => void;
  /** Of the recording. */
  title: string;
  told: (state: CallState) => void;
}

export class TestCall {
  private room: Room | null = null;
  private recording: Recording | null = null;
  private records = false;
  private taken = false;
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

  /** It has taken the devices over: another call needs them opened anew. */
  get hasTaken(): boolean {
    return this.taken;
  }

  private async join(): Promise<void> {
    const { room, person, tracks } = this.plan;
    const [now, planned, unended] = await Promise.all([
      api.room(room.id),
      aroundNow.queryFn(),
      api.recordings(`state=recording&room=${encodeURIComponent(room.name)}`, null),
    ]);
    // A meeting that everybody has left stays open for a little longer.
    if (now.meeting && now.meeting.participants > 0) throw new Failed("occupied");
    // One that a loss of power cut short goes on as soon as somebody comes in: it would be ended with the test.
    if (unended.items.length > 0 || recordsItself(now, planned, Date.now())) throw new Failed("planned");
    this.alive();
    this.taken = true;
    this.plan.take();
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
      // That one is somebody else's, and stays as it is.
      const theirs = error instanceof Refusal && error.code === "already_recording";
      throw new Failed(theirs ? "planned" : "record", error);
    }
    this.records = true;
    // Its name is a help, and no reason to fail.
    await api.renameRecording(this.recording.id, title).catch(() => undefined);
    // Whoever sets the clock meanwhile makes it neither longer nor shorter.
    const end = performance.now() + RECORD_MS;
    told({ at: "recording", since: Date.now(), path });
    while (performance.now() < end) await this.pause(LOOK_MS);
    try {
      return await this.endRecording(this.recording.id);
    } catch (error) {
      throw new Failed("record", error);
    }
  }

  /** Ends the test's own recording; if somebody has done so already, none that was begun since. */
  private async endRecording(id: string): Promise<Recording> {
    const room = this.plan.room.id;
    const running = (await api.room(room)).meeting?.recording?.id === id;
    const captured = running ? await api.stopRecording(room) : await api.recording(id);
    this.records = false;
    return captured;
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

  /**
   * No light stays on, and the own recording ends. The meeting is not ended: somebody may have come, and the room
   * closes by itself when everybody has left.
   */
  private async leave(): Promise<void> {
    if (this.taken) for (const track of this.plan.tracks) track.stop();
    const { room, recording } = this;
    this.room = null;
    if (!room) return;
    if (this.records && recording) await this.endRecording(recording.id).catch(() => undefined);
    await room.disconnect().catch(() => undefined);
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
