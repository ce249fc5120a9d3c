// Films that wait and are being made: what the queue says.
export const queue = {
  picture: "{{count}} films from now to {{end}}",
  now: "now",
  next: "Make next",
  next_set: "Next of all",
  cancel_title: "Cancel this film?",
  cancel_text: "“{{title}}” is not made. What was made of it so far is thrown away; the recording and its raw tracks stay, and the film can be made again later.",
  cancel_go: "Cancel the film",
  starts: "starts at about {{when}}",
  ready: "ready at about {{when}}",
  unknown: "nobody knows yet when",
  late: "{{span}} late: it was wanted by {{when}}",
  deadline: "wanted by {{when}}",
  slowed: "slowly, because meetings need the machine",
  waits: {
    turn_one: "one film before it",
    turn_other: "{{count}} films before it",
    turn_zero: "starts in a moment",
    pause: "failed, tried again at {{when}}",
    meetings_one: "{{count}} meeting needs the machine",
    meetings_other: "{{count}} meetings need the machine",
    records_only: "this box only records",
  },
  parked_one: "{{count}} film needs your decision",
  parked_other: "{{count}} films need your decision",
  log: "End of the log",
  records_only_title: "This box only records",
  records_only_text: "Films wait until the settings let it make films again. Nothing is lost.",
  transcodes_only_title: "This box only makes films",
  transcodes_only_text: "Its rooms cannot be recorded. It makes films of recordings that are brought to it.",
  change: "Change in the settings",
};

export const recorder = {
  mode: "What this box does",
  mode_text: "A change applies at once. What is being recorded or made goes on to its end.",
  both: "Record and make films",
  recorderOnly: "Only record: films wait",
  transcoderOnly: "Only make films: nothing is recorded",
};

export const newest = {
  keep: "Keep the newest",
  keep_text: "Older recordings are deleted as soon as there are more that are ready. 0: all stay.",
  keep_room: "Keep the newest of each room",
  keep_room_text: "The same, counted for each room. 0: all stay.",
  recordings: "recordings",
  ask_one: "Within a minute, and from then on, all but the newest recording are deleted for good.",
  ask_other: "Within a minute, and from then on, all but the newest {{count}} recordings are deleted for good.",
  ask_room_one: "Of each room all but the newest recording are deleted for good.",
  ask_room_other: "Of each room all but the newest {{count}} recordings are deleted for good.",
  next: "when newer ones are ready, because only so many stay",
};
