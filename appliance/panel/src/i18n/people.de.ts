import type * as english from "./people.en";
import type { Words } from "./words";

export const people_page: Words<typeof english.people_page> = {
  title: "Personen",
  lead: "Wer sich an dieser Box anmelden darf, und was sie oder er dort darf.",
  you: "Sie",
  disabled: "Ausgesperrt",
  seen: "Hier",
  unseen: "Nicht angemeldet",
  invite: "Jemanden einladen",
  invite_title: "Jemanden zu dieser Box einladen",
  invite_name: "Für wen",
  invite_name_text: "Beim Annehmen lässt sich ein anderer Name wählen.",
  invite_role: "Was sie oder er darf",
  invite_expires: "Der Link gilt",
  invite_days: {
    "3600": "eine Stunde",
    "86400": "einen Tag",
    "604800": "eine Woche",
    "2592000": "30 Tage",
  },
  invite_make: "Link erzeugen",
  invite_link: "Einladung",
  invite_text: "Schicken Sie sie nur an {{name}}: Wer sie zuerst öffnet, gehört zu den Personen dieser Box.",
  invite_qr: "Einladung zu dieser Box",
  invites: "Offene Einladungen",
  invite_until: "bis {{when}}",
  invite_revoke: "Zurücknehmen",
  invite_revoke_named: "Zurücknehmen: {{name}}",
  role: { owner: "Besitz", operator: "Betrieb", moderator: "Moderation", viewer: "Zuschauen" },
  may: {
    owner: "Darf alles: auch Personen, Schlüssel, die Flotte und das Löschen der Box.",
    operator:
      "Betreibt die Box: Einstellungen, Kopien, Updates, Räume und Aufnahmen. Keine Personen, keine Schlüssel.",
    moderator:
      "Führt Räume und Besprechungen, nimmt auf, plant und pflegt die Aufnahmen. Keine Einstellungen.",
    viewer: "Sieht, wie es der Box geht, und schaut Aufnahmen an. Ändert nichts.",
  },
  role_of: "Rolle von {{name}}",
  more_of: "Mehr zu {{name}}",
  sessions: "Wo angemeldet",
  sessions_title: "Wo {{name}} angemeldet ist",
  lock: "Aussperren",
  unlock: "Wieder einlassen",
  remove: "Entfernen",
  remove_title: "{{name}} entfernen?",
  remove_text: "Sitzungen und API-Token enden sofort. Was angelegt wurde, bleibt.",
  remove_name: "Geben Sie den Namen ein: {{name}}",
};

export const account: Words<typeof english.account> = {
  title: "Ihr Konto",
  lead: "Angemeldet als {{name}}.",
  open: "Ihr Konto",
  sign_out: "Abmelden",
  password: "Passwort",
  password_text: "Ein anderes Passwort meldet Sie überall sonst ab.",
  old: "Jetziges Passwort",
  new: "Neues Passwort",
  change: "Passwort ändern",
  changed: "Das Passwort ist geändert. Überall sonst sind Sie abgemeldet.",
  sessions: "Wo Sie angemeldet sind",
  sessions_text: "Melden Sie sich dort ab, wo Sie Gerät oder Adresse nicht kennen.",
  session_here: "dieses hier",
  session_unknown: "Unbekanntes Gerät",
  session_seen: "zuletzt gesehen",
  session_end: "Abmelden",
  session_end_named: "Abmelden: {{name}}",
  sessions_none: "Nirgends.",
  sessions_end: "Überall sonst abmelden",
};

export const welcome: Words<typeof english.welcome> = {
  title: "Willkommen bei {{box}}",
  lead: "Sie sind eingeladen, Ihre Rolle: {{role}}.",
  name: "Ihr Name",
  name_text: "Damit melden Sie sich an, und in Besprechungen ist er zu sehen.",
  password: "Ihr Passwort",
  action: "Annehmen",
  gone: "Bitten Sie um einen neuen Link.",
};

export const forbidden: Words<typeof english.forbidden> = {
  title: "Das dürfen Sie hier nicht",
  text: "Ihre Rolle: {{role}}. Diese Seite ist für: {{who}}. Wenn Sie sie brauchen, fragen Sie jemanden mit der Rolle Besitz.",
  who: {
    owner: "Besitz",
    operator: "Betrieb und Besitz",
    moderator: "Moderation, Betrieb und Besitz",
    viewer: "alle Personen dieser Box",
  },
};

export const api_tokens: Words<typeof english.api_tokens> = {
  title: "API-Tokens",
  text: "Für Skripte, die die eigene API dieser Box benutzen.",
  token: "Token",
  name: "Wofür ist es?",
  name_text: "Damit Sie es in einem Jahr noch wissen: Backup-Skript, Home Assistant.",
  none: "Noch keine Tokens.",
  create: "Neues Token",
  used: "zuletzt benutzt",
  unused: "nie benutzt",
  delete_title: "Token {{name}} löschen?",
  delete_text: "Skripte damit kommen nicht mehr hinein.",
  role: "Was es höchstens darf",
  expires: "Es gilt",
  span: { never: "bis es gelöscht wird", "2592000": "30 Tage lang", "31536000": "ein Jahr lang" },
  until: "bis {{when}}",
  of: "von {{name}}",
};
