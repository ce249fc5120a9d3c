import { certificateErrors } from "./certificates.de";
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
    fleet_no_server: "Diese Box hat keinen nats-server, den eine Flotte braucht. Starten Sie roomboxd mit --nats-server.",
    fleet_no_https: "Andere Boxen erreichen eine Zentrale über HTTPS, und diese Box bietet es nicht an. Starten Sie sie mit --https.",
    fleet_key: "Der Schlüssel der Box ist unbrauchbar: {{message}}",
    fleet_already_in: "Diese Box gehört schon zu einer Flotte. Verlassen Sie diese zuerst.",
    fleet_not_in: "Diese Box gehört zu keiner Flotte.",
    fleet_not_hub: "Das kann nur die Zentrale der Flotte.",
    fleet_address: "Eine Adresse ist ein Rechner mit Port, wie box.lan:7422. ({{message}})",
    fleet_addresses: "Eine Zentrale hat eine bis acht Adressen.",
    fleet_no_code: "Das ist kein Code einer Flotte. Kopieren Sie ihn vollständig von der Seite „Flotte“ der Zentrale.",
    fleet_code_expired: "Dieser Code ist zu alt. Erzeugen Sie einen neuen auf der Seite „Flotte“ der Zentrale.",
    fleet_unreachable: "Die Zentrale antwortet nicht. Ist sie an und im selben Netz? ({{message}})",
    fleet_refused: "Die Zentrale lehnt ab: Der Code wurde schon benutzt oder ist zu alt. Erzeugen Sie dort einen neuen. ({{message}})",
    fleet_answer: "Die Antwort der Zentrale ist unlesbar. Bringen Sie beide Boxen auf denselben Stand.",
    fleet_full: "Diese Flotte hat so viele Boxen, wie sie haben kann. Schließen Sie eine aus, die nicht mehr gebraucht wird.",
    invalid_name: "Dieser Name geht nicht. Nehmen Sie 1 bis 100 Zeichen.",
    invite_invalid:
      "Dieser Einladungslink gilt nicht mehr. Bitten Sie um einen neuen.",
    name_taken: "Diesen Namen gibt es schon. Wählen Sie einen anderen.",
    no_meeting: "Niemand ist in diesem Raum. Aufgezeichnet wird, sobald jemand beigetreten ist.",
    room_full: "Dieser Raum ist voll. Lassen Sie jemanden ein, wenn jemand gegangen ist, oder erhöhen Sie die Grenze in den Einstellungen.",
    busy: "Diese Box hat ihre Grenze an Personen oder Räumen erreicht. Versuchen Sie es wieder, wenn jemand gegangen ist.",
    files_failed: "Die Dateien dieser Aufnahme sind nicht lesbar. Prüfen Sie die Platte der Box.",
    foreign_origin:
      "Diese Seite gehört zu einer anderen Adresse. Öffnen Sie das Panel unter der Adresse der Box.",
    invalid_search: "Danach lässt sich nicht suchen: {{message}}.",
    invalid_event: "Das lässt sich nicht planen: {{message}}.",
    room_taken:
      "In diesem Raum ist zu dieser Zeit schon etwas geplant. Wählen Sie eine andere Zeit, oder sagen Sie es zuerst ab.",
    invalid_feed: "Diesem Kalender lässt sich nicht folgen: {{message}}.",
    too_many_feeds:
      "Diese Box folgt so vielen Kalendern, wie sie kann. Entfernen Sie einen, der nicht mehr gebraucht wird.",
    not_scheduled: "Diese Aufnahme wurde von Hand begonnen. Sie geht weiter, bis jemand sie beendet.",
    room_forgotten:
      "Ein Programm hat diesen Raum geöffnet, und er endet mit seiner Besprechung. Legen Sie zuerst einen Raum dieses Namens an.",
    invalid_share: "Dieser Link lässt sich nicht anlegen: {{message}}.",
    invalid_output: "Zu dieser Adresse lässt sich nicht streamen: {{message}}.",
    too_many_outputs: "Dieser Raum wird an so viele Orte gestreamt, wie er darf. Beenden Sie erst einen Stream.",
    too_many_broadcasts: "Mehr Räume oder Layouts kann diese Box nicht zugleich streamen. Beenden Sie erst einen Stream.",
    invalid_range: "Ein Teil beginnt und endet innerhalb der Aufnahme und ist mindestens eine Sekunde lang.",
    too_many_shares: "Diese Aufnahme hat so viele Links, wie sie haben darf. Ziehen Sie einige zurück.",
    invalid_setting: "Ein Wert liegt außerhalb seines Bereichs: {{message}}.",
    job_state: "Dieser Film ist inzwischen weiter. Die Liste zeigt nun, wie es steht.",
    only_transcodes: "Diese Box macht nur Filme. Zeichnen Sie auf einer anderen auf, oder lassen Sie diese in den Einstellungen wieder aufzeichnen.",
    not_claimed: "Diese Box gehört noch niemandem. Laden Sie die Seite neu, um sie zu übernehmen.",
    factor_needed: "Geben Sie auch den Code ein, den Ihre App zeigt.",
    wrong_factor: "Das ist nicht der jetzige Code. Sehen Sie noch einmal in die App, oder nehmen Sie einen Ersatzcode.",
    no_factor_begun: "Das hat zu lange gedauert. Beginnen Sie von vorn.",
    not_permitted: "Ihre Rolle darf das nicht. Fragen Sie jemanden mit der Rolle Besitz.",
    narrow_token: "Dieses Token darf das Konto nicht ändern. Melden Sie sich an.",
    wrong_sign_in: "Name oder Passwort ist falsch. Versuchen Sie es noch einmal.",
    long_password: "Dieses Passwort ist zu lang: höchstens 200 Zeichen.",
    person_name_taken: "Diesen Namen gibt es hier schon. Nehmen Sie Nachname oder Ort dazu.",
    last_owner: "Niemand sonst hat hier die Rolle Besitz. Geben Sie sie zuerst jemand anderem.",
    wrong_person_name: "Das ist ein anderer Name. Geben Sie ihn so ein, wie er oben steht.",
    too_many_people: "Diese Box hat schon 200 Personen. Entfernen Sie zuerst jemanden.",
    too_many_invites: "Es sind schon 50 Einladungen offen. Nehmen Sie einige zurück.",
    invite_expiry: "Eine Einladung gilt eine Minute bis 30 Tage.",
    person_invite_gone: "Diese Einladung ist benutzt, abgelaufen oder zurückgenommen.",
    invalid_token: "Dieses Token lässt sich nicht erzeugen: {{message}}.",
    too_many_tokens: "Sie haben schon 50 Tokens. Löschen Sie einige, die niemand benutzt.",
    not_recording: "Diese Besprechung wird nicht aufgezeichnet.",
    no_reset:
      "Diese Box kann sich nicht löschen: Sie läuft nicht aus ihrem Image. Halten Sie sie an und löschen Sie ihren Datenordner.",
    reset_while_recording: "Räume werden gerade aufgenommen. Beenden Sie die Aufnahmen, oder Sie verlieren sie.",
    ...certificateErrors,
    mqtt_host: "Ein Broker ist ein Name oder eine Adresse wie homeassistant.local, ohne mqtt://.",
    mqtt_port: "Der Port ist meist 8883 mit TLS oder 1883 ohne, und nie 0.",
    mqtt_user: "Der Benutzer hat höchstens 256 Zeichen und keine Steuerzeichen.",
    mqtt_password: "Das Passwort hat höchstens 1024 Zeichen und braucht einen Benutzer.",
    mqtt_password_again: "Der Broker, sein Benutzer oder das Vertrauen hat sich geändert. Geben Sie das Passwort noch einmal ein, damit es nirgends ungewollt hingeht.",
    mqtt_prefix: "Das Präfix der Erkennung hat Buchstaben, Ziffern, - und _, und Ebenen zwischen Schrägstrichen. Es ist homeassistant, wenn Sie es dort nicht geändert haben.",
    mqtt_trust: "So lässt sich das Zertifikat des Brokers nicht prüfen: {{message}}.",
    mqtt_no_control: "MQTT darf diese Box nicht steuern. Erlauben Sie es in den Einstellungen.",
    invalid_webhook: "Dieser Empfänger geht so nicht: {{message}}.",
    too_many_webhooks: "Diese Box hat schon 16 Empfänger. Löschen Sie einen, der nicht mehr gebraucht wird.",
    invalid_target: "Dieser Ort für Kopien geht so nicht: {{message}}.",
    too_many_targets: "Diese Box kopiert schon an so viele Orte, wie sie kann. Entfernen Sie einen, der nicht mehr gebraucht wird.",
    wrong_box_name: "So heißt diese Box nicht. Geben Sie den Namen ein, wie er oben steht.",
    own_key: "Dieser Schlüssel gehört der Box selbst und bleibt.",
    recorder_failed:
      "Die Aufzeichnung ließ sich nicht beginnen. Prüfen Sie die Platte der Box und versuchen Sie es wieder.",
    store_failed:
      "Diese Box kann gerade nichts speichern. Prüfen Sie ihre Platte und versuchen Sie es wieder.",
    not_found: "Das gibt es nicht (mehr). Gehen Sie zurück zur Liste.",
    key_name_taken: "Dieser Raum hat schon einen Schlüssel mit diesem Namen. Wählen Sie einen anderen.",
    room_not_kept:
      "Ein Programm hat diesen Raum geöffnet, und er endet mit seiner Besprechung. Legen Sie zuerst einen Raum an.",
    too_many_keys:
      "Dieser Raum hat so viele Schlüssel, wie er haben darf. Widerrufen Sie solche, die niemand benutzt.",
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
    draining:
      "Diese Box startet gleich neu. Neue Besprechungen und Aufnahmen warten, bis sie zurück ist.",
    update_busy: "Es läuft schon eine Aktualisierung. Warten Sie ihr Ende ab oder brechen Sie sie ab.",
    update_not_now: "Das geht gerade nicht: {{message}}.",
    update_other_board: "Dieses Paket ist für ein anderes Board. Nehmen Sie das für diese Box.",
    update_too_old:
      "Diese Version ist zu alt, um hier installiert zu werden: Eine neuere hat Lücken in ihr geschlossen.",
    update_unreadable:
      "Das Paket nennt seine Version nicht in Zahlen; niemand weiß, ob sie neuer ist.",
    update_unconfirmed:
      "Die laufende Version hat ihre Selbstprüfung noch nicht bestanden. Warten Sie eine Minute und versuchen Sie es noch einmal.",
    update_no_space: "Für das Paket ist nicht genug Platz. Löschen Sie Aufnahmen, die Sie nicht brauchen.",
    update_too_large: "Diese Datei ist zu groß für ein Paket (höchstens 4 GB).",
    update_no_length: "Der Browser sagt nicht, wie groß die Datei ist. Versuchen Sie einen anderen.",
    update_bad_url: "Das ist keine Adresse eines Pakets. Sie beginnt mit https://.",
    update_no_bundle: "Dieses Paket ist nicht mehr da. Stecken Sie den Stick noch einmal ein.",
    update_other_empty: "Die andere Seite ist leer. Installieren Sie dort zuerst etwas.",
    update_no_channel: "Es ist kein Kanal eingestellt. Tragen Sie unten seine Adresse ein.",
    update_broken_off: "Das Hochladen brach ab. Senden Sie die Datei noch einmal.",
    update_keep_failed: "Das Paket lässt sich nicht speichern. Prüfen Sie die Platte der Box.",
    update_no_updater: "Diese Box kann sich nicht selbst aktualisieren: Sie hat keinen Updater.",
    update_updater_gone: "Der Updater dieser Box ist verschwunden. Was läuft, ist sicher. Versuchen Sie es noch einmal.",
    update_refused: "Der Updater lehnt ab: {{message}}.",
    unknown:
      "Die Box hat das abgelehnt: {{message}} ({{code}}). Versuchen Sie es erneut; mehr steht in ihrem Protokoll.",
  },
};
