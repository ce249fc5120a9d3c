import type { share as en } from "./share.en";
import type { Words } from "./words";

export const share: Words<typeof en> = {
  page: "Eine Aufnahme wurde mit Ihnen geteilt",
  loading: "Der Film kommt…",
  recorded: "Aufgenommen am {{when}}",
  until: "Dieser Link gilt bis {{when}}",
  download: "Herunterladen",
  chapters: "Kapitel",
  kind: {
    start: "{{title}}",
    turn: "{{title}}",
    continued: "Weiter nach einer Unterbrechung",
    resumed: "Weiter nach einer Pause",
    share: "{{title}} teilt den Bildschirm",
    marker: "{{title}}",
  },
  not_ready: "Der Film wird noch gemacht",
  not_ready_text: "Laden Sie diese Seite in ein paar Minuten noch einmal.",
  gone: "Dieser Link gilt nicht",
  gone_text:
    "Er ist abgelaufen oder wurde zurückgezogen, oder die Aufnahme ist gelöscht. Bitten Sie um einen neuen.",
  password: "Passwort",
  password_title: "Diese Aufnahme hat ein Passwort",
  password_text: "Wer Ihnen den Link gesendet hat, kennt es.",
  wrong: "Dieses Passwort ist falsch.",
  wait: "Zu viele falsche Passwörter. Versuchen Sie es {{span}} wieder.",
  open: "Ansehen",
  failed: "Die Aufnahme lässt sich jetzt nicht zeigen",
  failed_text: "Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.",
};
