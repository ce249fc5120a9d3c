import type { undoing as en } from "./undoing.en";
import type { Words } from "./words";

export const undoing: Words<typeof en> = {
  do: "Rückgängig",
  done: "Es ist wie vorher.",
  planned: "{{title}} ist nicht mehr geplant.",
  template: "{{name}} wurde gelöscht.",
  filter: "Suche und Filter wurden geleert.",
};
