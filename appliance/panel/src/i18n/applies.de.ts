import type { applies as en } from "./applies.en";
import type { Words } from "./words";

export const applies: Words<typeof en> = {
  now: "Gilt sofort",
  meetings: "Gilt für Besprechungen, die ab jetzt beginnen",
  joins: "Gilt für alle, die ab jetzt beitreten",
  recordings: "Gilt für Aufnahmen, die ab jetzt beginnen",
  films: "Gilt für Filme, die ab jetzt bestellt werden",
  pages: "Gilt für Seiten, die ab jetzt geöffnet werden",
  start: "Gilt ab dem nächsten Start der Box",
};
