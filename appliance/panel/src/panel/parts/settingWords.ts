// Settings of a roombox.toml as the pages of settings call them, and their values as people read them.
import { useTranslation } from "react-i18next";
import { LANGUAGES } from "../../i18n/start";
import { useFormat } from "../wording";
import { ENCODERS, LAYOUTS, MODES } from "./choices";

/** The keys of the file, and the words of the panel for each. */
export const NAMES = {
  "box.name": "settings.box_name",
  "box.language": "provisioning.language",
  "recording.reserve_bytes": "settings.reserve",
  "recording.layout": "settings.layout",
  "recording.encoder": "render.encoder",
  "recording.resume_window_s": "settings.resume_window",
  "recording.keep_days": "retention.keep_days",
  "recording.keep_newest": "newest.keep",
  "recording.keep_newest_of_room": "newest.keep_room",
  "recorder.mode": "recorder.mode",
  "recorder.lends": "recorder.lends",
  "recorder.helps": "recorder.helps",
  "recording.overwrite_oldest": "retention.overwrite",
  "meeting.empty_timeout_s": "settings.empty_timeout_s",
  "meeting.departure_timeout_s": "settings.departure_timeout_s",
  "meeting.max_participants": "settings.max_participants",
  "meeting.file_mb": "handouts.file_mb",
  "meeting.file_types": "handouts.types",
  "turn.urls": "turn.urls",
  "turn.secret": "turn.secret",
  "turn.relay_only": "turn.relay_only",
  "security.contact": "security.contact",
  "security.trusted_proxies": "trusted.trusted_proxies.list",
  "security.framed_by": "trusted.framed_by.list",
  "proxy.url": "proxy.title",
  "proxy.user": "proxy.user",
  "proxy.password": "proxy.password",
  "proxy.authority": "proxy.authority",
  "proxy.exceptions": "proxy.exceptions",
  "proxy.local_direct": "proxy.local_direct",
  "proxy.looks_up": "proxy.looks_up",
  "updates.channel": "updates.settings.channel",
  "updates.check_daily": "updates.settings.check_daily",
  "updates.install_at_night": "updates.settings.install_at_night",
  "updates.night_from": "provisioning.night_from",
  "updates.night_to": "provisioning.night_to",
} as const;

function isNamed(key: string): key is keyof typeof NAMES {
  return key in NAMES;
}

/** A value of JSON or TOML; what is neither is shown as it is written. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A literal string of TOML.
    return /^'[^']*'$/.test(text) ? text.slice(1, -1) : text;
  }
}

export function useSettingWords() {
  const { t } = useTranslation("panel");
  const format = useFormat();

  const name = (key: string) => (isNamed(key) ? t(NAMES[key]) : key);

  const value = (key: string, text: string | null) => {
    if (text === null) return "–";
    const value = parsed(text);
    if (typeof value === "boolean") return t(value ? "provisioning.on" : "provisioning.off");
    if (typeof value === "number") {
      if (key.endsWith("_bytes")) return format.bytes(value);
      if (key === "meeting.max_participants" && value === 0) return t("provisioning.no_limit");
      if (key.endsWith("_mb")) return value === 0 ? t("handouts.none") : format.bytes(value * 1_000_000);
      return key.endsWith("_s") ? format.span(value) : format.number(value);
    }
    if (Array.isArray(value)) return value.join(", ") || "–";
    if (value === "") return "–";
    if (value === "(hidden)") return "••••";
    const layout = LAYOUTS.find((one) => key === "recording.layout" && one === value);
    if (layout) return t(`layout.${layout}`);
    const encoder = ENCODERS.find((one) => key === "recording.encoder" && one === value);
    if (encoder) return t(`encoder.${encoder}`);
    const mode = MODES.find((one) => key === "recorder.mode" && one === value);
    if (mode) return t(`recorder.${mode}`);
    const language = LANGUAGES.find(({ code }) => key === "box.language" && code === value);
    return language?.name ?? String(value);
  };

  return { name, value };
}
