import type { page as en } from "./page.en";
import type { Words } from "./words";

export const page: Words<typeof en> = {
  loading: "Die Seite wird geladen",
  gone: "Diese Seite kam nicht an",
  gone_text: "Diese Box wurde aktualisiert, während das Panel offen stand, oder sie antwortet nicht. Laden Sie die Seite neu.",
  reload: "Neu laden",
};
