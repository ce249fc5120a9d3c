import type { audit as english } from "./audit.en";
import type { Words } from "./words";

export const audit: Words<typeof english> = {
  title: "Protokoll",
  lead: "Wer an dieser Box was geändert hat, und wer abgewiesen wurde. Aufbewahrt werden 400 Tage.",
  text: "Wer an dieser Box was geändert hat, und wer abgewiesen wurde.",
  whole: "Niemand hat dieses Protokoll verändert.",
  broken_title: "Jemand hat dieses Protokoll verändert",
  broken:
    "Es ist nicht verlässlich: {{why}}. Nehmen Sie es jetzt mit, und finden Sie heraus, wer an den Datenträger dieser Box kommt.",
  export: "Mitnehmen",
  person: "Wer",
  everybody: "Alle",
  action: "Was",
  everything: "Alles",
  result: "Ergebnis",
  any: "Jedes",
  done: "Getan",
  refused: "Abgewiesen",
  when: "Wann",
  from: "Von wo",
  subject: "Woran",
  nobody: "Niemand, der bekannt ist",
  by_token: "mit einem Token",
  skipped_one: "{{count}} weitere Abweisung davor steht nicht hier.",
  skipped_other: "{{count}} weitere Abweisungen davor stehen nicht hier.",
  none: "Nichts dergleichen ist geschehen.",
  more: "Ältere zeigen",
};
