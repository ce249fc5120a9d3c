// What a recording becomes, and what lies there to take along.
export const output = {
  film: "Film (MP4)",
  film_text: "Picture and sound, with chapters and a picture for each moment.",
  sound: "Sound alone",
  sound_text: "For listening, or for whoever writes the minutes: about 60 MB an hour as M4A or Ogg.",
  tracks: "Each person's tracks",
  tracks_text: "Cameras, screens and microphones as they were sent, for editing. All begin with the film.",
  tracks_mp4: "Each person's tracks as MP4",
  tracks_mp4_text:
    "Opens in any editing program. H.264 and AV1 stay as they were sent, VP8 and VP9 become H.264 and take as long as a film each; sound is AAC.",
  hls: "Film for HLS players",
  hls_text: "A playlist, and the file that it names, for a web server of your own. About as large as the film.",
  slate: "Show pauses",
  slate_text: "As long as they were: a picture that says so, and silence. Else they are cut.",
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
  playlist: "HLS: playlist",
  segments: "HLS: segments",
  track: "{{name}}",
};
