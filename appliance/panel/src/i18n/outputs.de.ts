import type { container as enContainer, made as enMade, output as enOutput } from "./outputs.en";
import type { Words } from "./words";

export const output: Words<typeof enOutput> = {
  film: "Film (MP4)",
  film_text: "Bild und Ton, mit Kapiteln und einem Bild für jeden Moment.",
  sound: "Nur der Ton",
  sound_text: "Zum Anhören oder fürs Protokoll: etwa 60 MB pro Stunde als M4A oder Ogg.",
  tracks: "Spuren jeder Person",
  tracks_text:
    "Kameras, Bildschirme und Mikrofone, wie sie gesendet wurden, zum Schneiden. Alle beginnen mit dem Film.",
};

export const container: Words<typeof enContainer> = {
  m4a: "M4A (läuft überall)",
  ogg: "Ogg (Opus)",
  flac: "FLAC (verlustfrei, etwa 250 MB pro Stunde)",
};

export const made: Words<typeof enMade> = {
  mp4: "Film",
  sound: "Ton",
  chapters: "Kapitel",
  captions: "Untertitel",
  track: "{{name}}",
};
