// Why there is no camera or microphone, and what to do: before a meeting and in the set-up.
export const trouble = {
  both: "Microphone and camera",
  still: "You can join without: you see and hear the others.",
  insecure: {
    what: "{{which}}: this browser gives them only to secure pages.",
    now: "Open this page with https:// in its address. Ask the owner of the box if that does not work.",
  },
  refused: {
    what: "{{which}}: this page is not allowed to use them.",
    chromium:
      "Press the icon left of the address, allow camera and microphone, and load the page again.",
    firefox:
      "Press the crossed-out camera in the address bar, remove the block, and load the page again.",
    safari:
      "Choose Safari → Settings for This Website, allow camera and microphone, and load the page again.",
    ios: "Press “AA” in the address bar, then Website Settings, allow camera and microphone, and load the page again.",
  },
  missing: {
    what: "{{which}}: none was found.",
    now: "Plug one in: it is taken at once. Or choose another in the list.",
  },
  busy: {
    what: "{{which}}: another program is using it.",
    now: "Close the other program or meeting, and load the page again.",
  },
  other: {
    what: "{{which}}: it could not be opened.",
    now: "Unplug it and plug it in again, or choose another in the list.",
  },
};
