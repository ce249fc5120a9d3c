import type { shared as en } from "./shared.en";
import type { Words } from "./words";

export const shared: Words<typeof en> = {
  language: "Sprache",
  cancel: "Abbrechen",
  close: "Schließen",
  copy: "Kopieren",
  copied: "Kopiert",
  try_again: "Erneut versuchen",
  you: "Sie",
  errors: {
    already_claimed:
      "Diese Box gehört schon jemandem. Melden Sie sich mit dem Passwort des Besitzers an.",
    already_recording: "Diese Besprechung wird schon aufgezeichnet.",
    claim_locked:
      "Der Code war fünfmal falsch und gilt nicht mehr. Starten Sie die Box neu: Sie zeigt dann einen neuen.",
    disk_below_reserve:
      "Die Platte ist zu voll zum Aufzeichnen: Nur die Reserve ist noch frei. Löschen Sie Aufzeichnungen oder verkleinern Sie die Reserve.",
    invalid_name: "Dieser Name geht nicht. Nehmen Sie 1 bis 100 Zeichen.",
    invite_invalid:
      "Dieser Einladungslink gilt nicht mehr. Bitten Sie um einen neuen.",
    name_taken: "Diesen Namen gibt es schon. Wählen Sie einen anderen.",
    no_meeting: "Niemand ist in diesem Raum. Aufgezeichnet wird, sobald jemand beigetreten ist.",
    busy: "Diese Box hat ihre Grenze an Personen oder Räumen erreicht. Versuchen Sie es wieder, wenn jemand gegangen ist.",
    files_failed: "Die Dateien dieser Aufnahme sind nicht lesbar. Prüfen Sie die Platte der Box.",
    foreign_origin:
      "Diese Seite gehört zu einer anderen Adresse. Öffnen Sie das Panel unter der Adresse der Box.",
    invalid_setting: "Ein Wert liegt außerhalb seines Bereichs: {{message}}.",
    job_state: "Dieser Film ist inzwischen weiter. Die Liste zeigt nun, wie es steht.",
    not_claimed: "Diese Box gehört noch niemandem. Laden Sie die Seite neu, um sie zu übernehmen.",
    not_recording: "Diese Besprechung wird nicht aufgezeichnet.",
    own_key: "Dieser Schlüssel gehört der Box selbst und bleibt.",
    recorder_failed:
      "Die Aufzeichnung ließ sich nicht beginnen. Prüfen Sie die Platte der Box und versuchen Sie es wieder.",
    store_failed:
      "Diese Box kann gerade nichts speichern. Prüfen Sie ihre Platte und versuchen Sie es wieder.",
    not_found: "Das gibt es nicht (mehr). Gehen Sie zurück zur Liste.",
    room_in_use: "In diesem Raum läuft eine Besprechung. Beenden Sie sie zuerst.",
    unauthenticated: "Sie sind abgemeldet. Melden Sie sich wieder an.",
    still_recording: "Das wird noch aufgezeichnet. Beenden Sie zuerst die Aufzeichnung.",
    too_many_attempts:
      "Zu viele falsche Passwörter. Versuchen Sie es in einer Minute wieder.",
    too_many_connections:
      "Diese Box hat zu viele Verbindungen. Schließen Sie andere Tabs mit ihr und versuchen Sie es noch einmal.",
    unreachable:
      "Diese Box antwortet nicht. Ist sie eingeschaltet und sind Sie im selben Netz?",
    weak_password:
      "Dieses Passwort ist zu leicht. Nehmen Sie mindestens 10 Zeichen, am besten einige Wörter.",
    wrong_code: "Dieser Code ist falsch. Vergleichen Sie ihn mit dem, den die Box zeigt.",
    wrong_password: "Dieses Passwort ist falsch. Versuchen Sie es noch einmal.",
    unknown:
      "Die Box hat das abgelehnt: {{message}} ({{code}}). Versuchen Sie es erneut; mehr steht in ihrem Protokoll.",
  },
};
