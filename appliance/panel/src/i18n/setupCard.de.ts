import type { setup_card as en } from "./setupCard.en";
import type { Words } from "./words";

export const setup_card: Words<typeof en> = {
  progress: "Einrichtung: {{done}} von {{all}} erledigt",
  go_on: "Weitermachen",
  not_now: "Nicht jetzt",
  dismissed: "Die Einrichtung wartet in den Einstellungen.",
  title: "Einrichtung",
  text: "Name und Uhr, Adresse, Zertifikat, erster Raum, Probeanruf: was davon erledigt und was offen ist.",
  look: "Einrichtung öffnen",
  remind: "Wieder erinnern",
  reminded: "Die Räume erinnern Sie wieder.",
};
