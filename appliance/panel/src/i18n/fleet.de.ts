import type { fleet as english } from "./fleet.en";
import type { Words } from "./words";

export const fleet: Words<typeof english> = {
  lead: "Boxen, die zusammengehören: Eine davon, die Zentrale, erfährt, was auf allen geschieht.",
  none_title: "Diese Box steht für sich",
  none_text:
    "Treten Sie mit einem Code der Flotte einer anderen Box bei, oder machen Sie diese Box zur Zentrale, der andere beitreten.",
  no_server:
    "Eine Flotte braucht das Programm nats-server, und diese Box wurde ohne es gestartet.",
  join: "Mit Code beitreten",
  join_title: "Einer Flotte beitreten",
  code: "Code",
  code_text: "Von der Seite „Flotte“ der Zentrale. Er beginnt mit rbf1 und gilt eine Stunde.",
  found: "Zur Zentrale machen",
  found_title: "Diese Box zur Zentrale einer neuen Flotte machen?",
  found_text: "Andere Boxen können ihr dann mit einem Code beitreten. Sie kommen über den TCP-Port 7422.",
  role: { hub: "Diese Box ist die Zentrale", member: "Diese Box gehört zur Flotte von {{name}}" },
  link: {
    off: "Aus",
    starting: "Startet",
    cut: "Nicht verbunden",
    up: "Verbunden",
    failed: "Geht nicht",
  },
  waiting_none: "Alles ist bei der Zentrale angekommen.",
  waiting_one: "1 Ereignis wartet auf die Zentrale.",
  waiting_other: "{{shown}} Ereignisse warten auf die Zentrale.",
  cut_text:
    "Besprechungen und Aufnahmen gehen weiter. Was geschieht, wird behalten und gesendet, sobald die Zentrale erreichbar ist.",
  hub_at: "Die Zentrale ist unter {{addresses}}.",
  restarts_one: "Der Server wurde einmal neu gestartet: {{why}}.",
  restarts_other: "Der Server wurde {{shown}}-mal neu gestartet, zuletzt: {{why}}.",
  cloned_title: "Eine andere Box ist eine Kopie von dieser",
  cloned_text:
    "Zwei Boxen haben denselben Schlüssel und werfen einander hinaus. Eine Karte oder Platte wurde kopiert: Setzen Sie eine der beiden auf Werkseinstellungen zurück.",
  leave: "Flotte verlassen",
  leave_title: "Die Flotte verlassen?",
  leave_text: "Die Zentrale erfährt von dieser Box nichts mehr. Was auf sie wartet, wird verworfen.",
  give_up: "Flotte auflösen",
  give_up_title: "Diese Flotte auflösen?",
  give_up_text:
    "Die Liste der Boxen und was sie gemeldet haben werden gelöscht. Die Boxen laufen für sich weiter, bis sie die Flotte verlassen und einer anderen beitreten.",
  boxes: "Boxen",
  boxes_none:
    "Noch ist keine Box beigetreten. Erzeugen Sie einen Code, und geben Sie ihn auf der Seite „Flotte“ einer anderen Box ein.",
  this_box: "diese Box",
  state: { unheard: "Noch nicht gehört", here: "Da", stale: "Stumm", cloned: "Kopiert" },
  heard: "Gehört",
  version: "Version {{version}}",
  recording_one: "1 Aufnahme läuft",
  recording_other: "{{shown}} Aufnahmen laufen",
  free: "{{free}} von {{total}} frei",
  waits_one: "1 Ereignis wartet dort",
  waits_other: "{{shown}} Ereignisse warten dort",
  invite: "Box einladen",
  invite_code: "Code für eine Box",
  invite_text: "Geben Sie ihn auf der Seite „Flotte“ der anderen Box ein. Er gilt bis {{until}}.",
  invite_qr: "Code, um der Flotte beizutreten",
  expel: "Ausschließen",
  expel_named: "{{name}} aus der Flotte ausschließen",
  expel_title: "{{name}} aus der Flotte ausschließen?",
  expel_text:
    "Ihr Schlüssel gilt sofort nicht mehr. Die anderen Boxen sind nach Sekunden wieder verbunden.",
};
