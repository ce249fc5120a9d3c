// What the search knows of the panel itself: its pages, and each setting by the words of its label. A setting's
// address names that label (`?find=`), and its page leads to it: see `useFound`. `whole`: it is in a dialog of its
// page, so the page is where it leads. `own`: not for those whom a sign-in service brings in: see AccountPage.
import type { Action } from "../../api/schema";
import type { search } from "../../i18n/search.en";

type Also = keyof typeof search.also;

export const PAGES = [
  { to: "/", words: "nav.home", also: "home" },
  { to: "/rooms", words: "nav.rooms", also: "rooms" },
  { to: "/rooms/templates", words: "templates.title", also: "templates", needs: "run_rooms" },
  { to: "/schedule", words: "nav.schedule", also: "schedule" },
  { to: "/recordings", words: "nav.recordings", also: "recordings" },
  { to: "/recordings/storage", words: "storage.title", also: "storage" },
  { to: "/status", words: "nav.status", also: "status" },
  { to: "/status/health", words: "health.title", also: "health", needs: "configure" },
  { to: "/settings", words: "nav.settings", needs: "configure" },
  { to: "/settings/updates", words: "updates.title", also: "updates", needs: "update" },
  { to: "/settings/certificates", words: "certificates.title", also: "certificates", needs: "configure" },
  { to: "/settings/network", words: "network.title", also: "network", needs: "configure" },
  { to: "/settings/fleet", words: "nav.fleet", also: "fleet", needs: "see_fleet" },
  { to: "/settings/audit", words: "audit.title", also: "audit", needs: "see_audit" },
  { to: "/settings/people", words: "people_page.title", also: "people", needs: "run_people" },
  { to: "/settings/sign-in", words: "oidc.title", also: "sign_in", needs: "run_people" },
  { to: "/settings/backup", words: "backup.title", also: "backup", needs: "back_up" },
  { to: "/setup", words: "setup_card.title", also: "setup", needs: "configure" },
  { to: "/account", words: "nav.account", also: "account" },
] as const satisfies { to: string; words: string; also?: Also; needs?: Action }[];

/** Of one card: its title, where it is, what it has. */
const RECORDING = { to: "/settings", card: "settings.recording", needs: "configure" } as const;
const MEETING = { to: "/settings", card: "settings.meeting", needs: "configure" } as const;
const TURN = { to: "/settings", card: "turn.title", also: "turn", needs: "configure" } as const;
const MAIL = { to: "/settings", card: "mail.title", also: "mail", needs: "configure" } as const;
const MQTT = { to: "/settings", card: "mqtt.title", also: "mqtt", needs: "configure" } as const;
const SYSLOG = { to: "/settings", card: "syslog.title", also: "syslog", needs: "configure" } as const;
const UPDATES = { to: "/settings/updates", card: "updates.settings.title", also: "nightly", needs: "update" } as const;
const TIME = { to: "/settings/network", card: "network.time.title", also: "clock", needs: "configure" } as const;
const TRUSTED = { to: "/settings", card: "trusted.trusted_proxies.title", also: "trusted", needs: "configure" } as const;
const FRAMED = { to: "/settings", card: "trusted.framed_by.title", also: "framed", needs: "configure" } as const;
const PROXY = { to: "/settings/network", card: "proxy.title", also: "proxy", needs: "configure" } as const;
const CERTIFICATE = { to: "/settings/certificates", also: "certificates", needs: "run_certificates" } as const;
const PROVIDER = { to: "/settings/sign-in", card: "oidc.provider", also: "sign_in", needs: "run_people" } as const;

export const SETTINGS = [
  { to: "/settings", card: "settings.box", words: "settings.box_name", also: "name", needs: "configure" },
  { ...RECORDING, words: "settings.recording", also: "recordings" },
  { ...RECORDING, words: "settings.reserve", also: "reserve" },
  { ...RECORDING, words: "settings.layout", also: "layout" },
  { ...RECORDING, words: "render.encoder", also: "encoder" },
  { ...RECORDING, words: "settings.resume_window", also: "resume" },
  { ...RECORDING, words: "retention.keep_days", also: "retention" },
  { ...RECORDING, words: "newest.keep", also: "retention" },
  { ...RECORDING, words: "newest.keep_room", also: "retention" },
  { ...RECORDING, words: "retention.when_full", also: "reserve" },
  { to: "/settings", card: "recorder.mode", words: "recorder.mode", needs: "configure" },
  { to: "/settings", card: "recorder.mode", words: "recorder.lends", also: "lends", needs: "configure" },
  { to: "/settings", card: "recorder.mode", words: "recorder.helps", also: "lends", needs: "configure" },
  { to: "/settings", card: "encoders.title", words: "encoders.title", also: "encoder", needs: "configure" },
  { to: "/settings", card: "targets.title", words: "targets.title", also: "targets", needs: "configure" },
  { ...MEETING, words: "settings.meeting", also: "rooms" },
  { ...MEETING, words: "settings.max_participants", also: "participants" },
  { ...MEETING, words: "settings.empty_timeout_s" },
  { ...MEETING, words: "settings.departure_timeout_s" },
  { ...MEETING, words: "handouts.file_mb", also: "files" },
  { ...MEETING, words: "handouts.types", also: "files" },
  { ...TURN, words: "turn.title" },
  { ...TURN, words: "turn.urls" },
  { ...TURN, words: "turn.secret" },
  { ...TURN, words: "turn.relay_only" },
  { to: "/settings", card: "texts.title", words: "texts.title", also: "text", needs: "replace_settings" },
  { to: "/settings", card: "livekit_keys.title", words: "livekit_keys.title", also: "keys", needs: "run_keys" },
  { to: "/settings", card: "webhooks.title", words: "webhooks.title", also: "webhooks", needs: "configure" },
  { ...MAIL, words: "mail.title" },
  { ...MAIL, words: "mail.enabled" },
  { ...MAIL, words: "mail.to" },
  { ...MAIL, words: "mail.from" },
  { ...MQTT, words: "mqtt.title" },
  { ...MQTT, words: "mqtt.enabled" },
  { ...MQTT, words: "mqtt.control" },
  { ...SYSLOG, words: "syslog.title" },
  { ...SYSLOG, words: "syslog.enabled" },
  { ...SYSLOG, words: "syslog.audit" },
  { ...TRUSTED, words: "trusted.trusted_proxies.title" },
  { ...TRUSTED, words: "trusted.trusted_proxies.list" },
  { ...FRAMED, words: "trusted.framed_by.title" },
  { ...FRAMED, words: "trusted.framed_by.list" },
  { to: "/settings", card: "security.title", words: "security.contact", also: "security", needs: "configure" },
  { to: "/settings", card: "support.title", words: "support.title", also: "support", needs: "configure" },
  { to: "/settings", card: "danger.title", words: "danger.title", also: "reset", needs: "reset" },
  { ...UPDATES, words: "updates.settings.channel" },
  { ...UPDATES, words: "updates.settings.check_daily" },
  { ...UPDATES, words: "updates.settings.install_at_night" },
  { ...UPDATES, words: "updates.settings.night_from" },
  { ...UPDATES, words: "updates.settings.night_to" },
  { ...TIME, words: "network.time.title" },
  { ...TIME, words: "network.time.zone" },
  { ...TIME, words: "network.time.servers" },
  { to: "/settings/network", card: "network.title", words: "network.kind.wifi", also: "wifi", needs: "run_network", whole: true },
  { ...PROXY, words: "proxy.title" },
  { ...PROXY, words: "proxy.url" },
  { ...PROXY, words: "proxy.user" },
  { ...PROXY, words: "proxy.password" },
  { ...PROXY, words: "proxy.local_direct" },
  { ...PROXY, words: "proxy.exceptions" },
  { ...PROXY, words: "proxy.looks_up" },
  { ...PROXY, words: "proxy.authority" },
  { ...CERTIFICATE, card: "certificates.acme.title", words: "certificates.acme.title" },
  { ...CERTIFICATE, card: "certificates.upload.title", words: "certificates.upload.title" },
  { ...PROVIDER, words: "oidc.provider" },
  { ...PROVIDER, words: "oidc.issuer" },
  { ...PROVIDER, words: "oidc.client" },
  { to: "/settings/backup", card: "backup.plan.title", words: "backup.plan.title", also: "backup", needs: "back_up" },
  { to: "/account", card: "account.password", words: "account.password", also: "account", own: true },
  { to: "/account", card: "factor.title", words: "factor.title", also: "account", own: true },
  { to: "/account", card: "account.sessions", words: "account.sessions", also: "account" },
  { to: "/account", card: "api_tokens.title", words: "api_tokens.title", also: "keys" },
  { to: "/schedule", card: "schedule.feeds", words: "schedule.feeds", also: "schedule" },
] as const satisfies Setting[];

interface Setting {
  to: string;
  card: string;
  words: string;
  also?: Also;
  needs?: Action;
  whole?: true;
  own?: true;
}
