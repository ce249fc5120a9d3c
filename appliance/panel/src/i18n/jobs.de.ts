import type { newest as newestEn, queue as queueEn, recorder as recorderEn } from "./jobs.en";
import type { Words } from "./words";

export const queue: Words<typeof queueEn> = {
  picture: "{{count}} Filme von jetzt bis {{end}}",
  now: "jetzt",
  next: "Als Nächstes machen",
  next_set: "Als Nächstes dran",
  cancel_title: "Diesen Film abbrechen?",
  cancel_text: "„{{title}}“ wird nicht gemacht. Was davon schon da ist, wird weggeworfen; die Aufnahme und ihre Rohspuren bleiben, und der Film lässt sich später machen.",
  cancel_go: "Film abbrechen",
  starts: "beginnt etwa um {{when}}",
  ready: "fertig etwa um {{when}}",
  unknown: "noch weiß niemand, wann",
  late: "{{span}} zu spät: gewünscht bis {{when}}",
  deadline: "gewünscht bis {{when}}",
  slowed: "langsam, weil Besprechungen die Maschine brauchen",
  waits: {
    turn_one: "ein Film ist vorher dran",
    turn_other: "{{count}} Filme sind vorher dran",
    turn_zero: "beginnt gleich",
    pause: "fehlgeschlagen, nächster Versuch um {{when}}",
    meetings_one: "{{count}} Besprechung braucht die Maschine",
    meetings_other: "{{count}} Besprechungen brauchen die Maschine",
    records_only: "diese Box zeichnet nur auf",
  },
  parked_one: "{{count}} Film braucht Ihre Entscheidung",
  parked_other: "{{count}} Filme brauchen Ihre Entscheidung",
  log: "Ende des Protokolls",
  made_on: "auf {{box}}",
  records_only_title: "Diese Box zeichnet nur auf",
  records_only_text: "Filme warten, bis die Einstellungen sie wieder machen lassen. Nichts geht verloren.",
  records_only_lends: "Andere Boxen der Flotte machen ihre Filme, wenn sie sonst nichts zu tun haben. Bis dahin warten Filme; nichts geht verloren.",
  transcodes_only_title: "Diese Box macht nur Filme",
  transcodes_only_text: "Ihre Räume lassen sich nicht aufzeichnen. Sie macht Filme aus Aufnahmen, die zu ihr gebracht werden.",
  change: "In den Einstellungen ändern",
};

export const recorder: Words<typeof recorderEn> = {
  mode: "Was diese Box tut",
  mode_text: "Was gerade aufgezeichnet oder gemacht wird, geht zu Ende.",
  both: "Aufzeichnen und Filme machen",
  recorderOnly: "Nur aufzeichnen: Filme warten",
  transcoderOnly: "Nur Filme machen: nichts wird aufgezeichnet",
  lends: "Andere dürfen ihre Filme machen",
  lends_text: "In einer Flotte: Filme, die hier warten würden, machen andere Boxen. Sie bekommen dafür die Aufnahme und behalten nichts.",
  helps: "Sie macht Filme für andere",
  helps_text: "In einer Flotte: solange sie sonst nichts zu tun hat und keine Besprechung sie braucht.",
};

export const newest: Words<typeof newestEn> = {
  keep: "Die neuesten behalten",
  keep_text: "Ältere Aufnahmen werden gelöscht, sobald mehr fertig sind. 0: alle bleiben.",
  keep_room: "Die neuesten jedes Raums behalten",
  keep_room_text: "Dasselbe, für jeden Raum gezählt. 0: alle bleiben.",
  recordings: "Aufnahmen",
  ask_one: "Binnen einer Minute und von da an werden alle Aufnahmen außer der neuesten endgültig gelöscht.",
  ask_other: "Binnen einer Minute und von da an werden alle Aufnahmen außer den neuesten {{count}} endgültig gelöscht.",
  ask_room_one: "Von jedem Raum werden alle Aufnahmen außer der neuesten endgültig gelöscht.",
  ask_room_other: "Von jedem Raum werden alle Aufnahmen außer den neuesten {{count}} endgültig gelöscht.",
  next: "sobald neuere fertig sind, weil nur so viele bleiben",
};
