// When a change of a setting counts: one table, by the setting's name in a file of settings. What it says is what the
// daemon does, which reads each where it is needed; nothing waits for a restart but what happens at one.
import type { NAMES } from "../parts/settingWords";

export const WHEN = ["now", "meetings", "joins", "recordings", "films", "pages", "start"] as const;
export type When = (typeof WHEN)[number];

export type Setting = keyof typeof NAMES;

/** Set by a file alone: the panel speaks each person's own language. */
export const OF_A_FILE = ["box.language"] as const satisfies Setting[];

export const APPLIES: Record<Exclude<Setting, (typeof OF_A_FILE)[number]>, When> = {
  "box.name": "now",
  "recording.reserve_bytes": "now",
  // A recording keeps the arrangement with which it began; its film can be made again in another one.
  "recording.layout": "recordings",
  "recording.encoder": "films",
  "recording.resume_window_s": "start",
  "recording.keep_days": "now",
  "recording.keep_newest": "now",
  "recording.keep_newest_of_room": "now",
  "recording.overwrite_oldest": "now",
  "recorder.mode": "now",
  "recorder.lends": "now",
  "recorder.helps": "now",
  "meeting.empty_timeout_s": "meetings",
  "meeting.departure_timeout_s": "meetings",
  "meeting.max_participants": "meetings",
  "meeting.file_mb": "now",
  "meeting.file_types": "now",
  "turn.urls": "joins",
  "turn.secret": "joins",
  "turn.relay_only": "joins",
  "security.contact": "now",
  "security.trusted_proxies": "now",
  "security.framed_by": "pages",
  "proxy.url": "now",
  "proxy.user": "now",
  "proxy.password": "now",
  "proxy.authority": "now",
  "proxy.exceptions": "now",
  "proxy.local_direct": "now",
  "proxy.looks_up": "now",
  "updates.channel": "now",
  "updates.check_daily": "now",
  "updates.install_at_night": "now",
  "updates.night_from": "now",
  "updates.night_to": "now",
};
