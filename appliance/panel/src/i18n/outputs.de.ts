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
  tracks_mp4: "Spuren jeder Person als MP4",
  tracks_mp4_text:
    "Jedes Schnittprogramm kann sie öffnen. H.264 und AV1 bleiben, wie sie gesendet wurden; VP8 und VP9 werden H.264, was je so lange dauert wie ein Film; der Ton wird AAC.",
  hls: "Film für HLS-Abspieler",
  hls_text: "Eine Playlist und die Datei, die sie nennt, für einen eigenen Webserver. Etwa so groß wie der Film.",
  slate: "Pausen zeigen",
  slate_text: "So lang, wie sie waren: ein Bild, das es sagt, und Stille. Sonst werden sie herausgeschnitten.",
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
  playlist: "HLS: Playlist",
  segments: "HLS: Segmente",
  track: "{{name}}",
};
