// What the box says over /api/v1, written by hand from its contract until `npm run types` reads
// docs/api/openapi.json. Units are in the names: _ms, _s, _us, _bytes, _percent.

export type Timestamp = string;

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export interface Problem {
  code: string;
  message: string;
  field?: string;
}

export interface Person {
  id: string;
  name: string;
  role: "owner";
}

export interface BoxView {
  id: string;
  name: string;
  version: string;
  started_at: Timestamp;
  mode: "both" | "recorderOnly" | "transcoderOnly";
  claimed: boolean;
  dev: boolean;
}

export interface ClaimState {
  claimed: boolean;
  attempts_left: number;
}

export interface Room {
  id: string;
  name: string;
  created_at: Timestamp;
  /** The secret of the invite link; null for a room that a program opened with a token. */
  invite: string | null;
  meeting: Meeting | null;
}

export interface Meeting {
  participants: number;
  started_at: Timestamp;
  recording: { id: string; started_at: Timestamp } | null;
}

export interface Participant {
  id: string;
  identity: string;
  name: string;
  state: string;
  joined_at: Timestamp;
  tracks: ParticipantTrack[];
}

export interface ParticipantTrack {
  id: string;
  kind: "audio" | "video";
  source: string;
  muted: boolean;
  codec: string | null;
}

export interface Door {
  room: string;
  box: string;
  recording: boolean;
  /** When the running recording began; absent on boxes that do not tell guests. */
  recording_started_at?: Timestamp | null;
  participants: number;
}

export interface JoinToken {
  token: string;
  room: string;
  identity: string;
}

export type Layout = "auto" | "grid" | "single";
export type Encoder = "auto" | "openh264" | "x264";

export type RecordingState = "recording" | "captured" | "ready" | "parked" | "empty";
export type EndReason = "stopped" | "room_ended" | "disk_low" | "interrupted" | "shutdown";

export interface Recording {
  id: string;
  room_id: string;
  room_name: string;
  title: string;
  state: RecordingState;
  started_at: Timestamp;
  ended_at: Timestamp | null;
  duration_ms: number;
  bytes: number;
  end_reason: EndReason | null;
  interruptions: { at_ms: number; lost_ms: number }[];
  gaps: number;
  /** Only when one recording is asked for. */
  tracks?: RecordedTrack[];
  files: RecordingFile[];
  job: Job | null;
}

export interface RecordedTrack {
  id: string;
  participant: string;
  kind: "audio" | "video";
  source: string;
  layer: "audio" | "top" | "low" | "screen";
  codec: string;
  /** 0 for sound. */
  width: number;
  height: number;
  bytes: number;
  duration_ms: number;
  files: { name: string; bytes: number }[];
}

export interface RecordingFile {
  kind: "mp4" | "thumbnail";
  name: string;
  bytes: number;
  sha256: string;
}

/** One happening; `kind` names it and decides which of the other fields are there. */
export interface TimelineItem {
  t_ms: number;
  kind: string;
  participant?: string;
  identity?: string;
  name?: string;
  track?: string;
  source?: string;
  participants?: string[];
  /** Microseconds since the recording's start, unlike `t_ms`. */
  from?: number;
  to?: number;
  reason?: string;
  text?: string;
}

export type JobState = "queued" | "running" | "finished" | "parked" | "cancelled";

export interface Job {
  id: string;
  recording_id: string;
  title: string;
  layout: Layout;
  state: JobState;
  attempts: number;
  created_at: Timestamp;
  error: string | null;
  progress: JobProgress | null;
}

export interface JobProgress {
  done_ms: number;
  total_ms: number;
  /** Seconds of media per second of work. */
  speed: number;
  eta_s: number | null;
  encoder: string;
  cpu_s: number;
}

export interface Status {
  uptime_s: number;
  cpu_percent: number;
  cores: number;
  memory_bytes: number;
  disk: Disk;
  rooms: number;
  participants: number;
  recordings: number;
  shards: Shard[];
  history: LoadPoint[];
}

export interface Disk {
  total_bytes: number;
  free_bytes: number;
  reserve_bytes: number;
  recordings_bytes: number;
  full_in_s: number | null;
}

export interface Shard {
  port: number;
  rooms: number;
  participants: number;
  packets_in: number;
  packets_out: number;
  bytes_in: number;
  bytes_out: number;
  send_drops: number;
  cpu_percent: number;
  longest_turn_us: number;
}

export interface LoadPoint {
  at: Timestamp;
  cpu_percent: number;
  bytes_in_per_s: number;
  bytes_out_per_s: number;
}

export interface ApiToken {
  id: string;
  name: string;
  created_at: Timestamp;
  last_used_at: Timestamp | null;
}

export interface LivekitKey {
  key: string;
  /** null for the well-known key of development. */
  created_at: Timestamp | null;
  dev: boolean;
}

export interface Settings {
  recording: {
    reserve_bytes: number;
    layout: Layout;
    encoder: Encoder;
    resume_window_s: number;
  };
  meeting: {
    empty_timeout_s: number;
    departure_timeout_s: number;
    max_participants: number;
  };
}

/** A merge patch: only what changes. */
export type SettingsPatch = { [S in keyof Settings]?: Partial<Settings[S]> };

export interface BoxEvent {
  id?: string;
  at?: Timestamp;
  type: string;
  subject?: string;
  seq?: number;
  data?: unknown;
}
