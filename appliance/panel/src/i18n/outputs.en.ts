// What a recording becomes, and what lies there to take along.
export const output = {
  film: "Film (MP4)",
  film_text: "Picture and sound, with chapters and a picture for each moment.",
  sound: "Sound alone",
  sound_text: "For listening, or for whoever writes the minutes: about 60 MB an hour as M4A or Ogg.",
  tracks: "Each person's tracks",
  tracks_text: "Cameras, screens and microphones as they were sent, for editing. All begin with the film.",
};

export const container = {
  m4a: "M4A (plays everywhere)",
  ogg: "Ogg (Opus)",
  flac: "FLAC (loses nothing, about 250 MB an hour)",
};

export const made = {
  mp4: "Film",
  sound: "Sound",
  chapters: "Chapters",
  captions: "Captions",
  track: "{{name}}",
};
