import type { handouts as en } from "./handouts.en";
import type { Words } from "./words";

export const handouts: Words<typeof en> = {
  file_mb: "Eine Datei im Chat darf höchstens haben",
  file_mb_text: "Wer in einer Besprechung ist, kann dort allen Dateien austeilen; mit ihr sind sie weg, und auf Viren geprüft werden sie nicht. 0: niemand kann es.",
  types: "Arten von Dateien",
  types_text: "Endungen, durch Leerzeichen oder Kommas getrennt. Leer: alle Arten.",
  none: "keine Dateien",
};
