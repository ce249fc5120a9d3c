// Names of what the cache holds. The event reducer and the pages must agree on them.
export const keys = {
  box: ["box"],
  session: ["session"],
  rooms: ["rooms"],
  room: (id: string) => ["rooms", id],
  participants: (id: string) => ["rooms", id, "participants"],
  whipKeys: (id: string) => ["rooms", id, "whip-keys"],
  recordings: ["recordings"],
  recording: (id: string) => ["recordings", id],
  timeline: (id: string) => ["recordings", id, "timeline"],
  filmIndex: (id: string, file: string | undefined) => ["recordings", id, "index", file ?? ""],
  deletions: ["recordings", "deletions"],
  jobs: ["jobs"],
  status: ["status"],
  updates: ["updates"],
  updateHistory: ["updates", "history"],
  settings: ["settings"],
  provisioning: ["provisioning"],
  tokens: ["api-tokens"],
  livekitKeys: ["livekit-keys"],
  webhooks: ["webhooks"],
  targets: ["targets"],
  copies: ["copies"],
  copiesOf: (recording: string) => ["copies", recording],
} as const;

export type Key = readonly string[];
