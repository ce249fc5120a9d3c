// Why there is no camera or microphone, and what to do: before a meeting and in the set-up.
import type { trouble as en } from "./devices.en";
import type { Words } from "./words";

export const trouble: Words<typeof en> = {
  both: "Mikrofon und Kamera",
  still: "Sie können ohne beitreten: Sie sehen und hören die anderen.",
  insecure: {
    what: "{{which}}: Dieser Browser gibt sie nur sicheren Seiten.",
    now: "Öffnen Sie diese Seite mit https:// in der Adresse. Geht das nicht, fragen Sie den Besitzer der Box.",
  },
  refused: {
    what: "{{which}}: Diese Seite darf sie nicht benutzen.",
    chromium:
      "Drücken Sie auf das Zeichen links neben der Adresse, erlauben Sie Kamera und Mikrofon und laden Sie die Seite neu.",
    firefox:
      "Drücken Sie auf die durchgestrichene Kamera in der Adressleiste, heben Sie die Sperre auf und laden Sie die Seite neu.",
    safari:
      "Wählen Sie Safari → Einstellungen für diese Website, erlauben Sie Kamera und Mikrofon und laden Sie die Seite neu.",
    ios: "Drücken Sie „AA“ in der Adressleiste, dann Website-Einstellungen, erlauben Sie Kamera und Mikrofon und laden Sie die Seite neu.",
  },
  missing: {
    what: "{{which}}: nichts gefunden.",
    now: "Schließen Sie ein Gerät an: Es wird sofort benutzt. Oder wählen Sie ein anderes aus der Liste.",
  },
  busy: {
    what: "{{which}}: Ein anderes Programm benutzt das Gerät.",
    now: "Schließen Sie das andere Programm oder die andere Besprechung und laden Sie die Seite neu.",
  },
  other: {
    what: "{{which}}: ließ sich nicht öffnen.",
    now: "Stecken Sie das Gerät neu ein oder wählen Sie ein anderes aus der Liste.",
  },
};
