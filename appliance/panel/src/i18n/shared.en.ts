export const shared = {
  language: "Language",
  cancel: "Cancel",
  close: "Close",
  copy: "Copy",
  copied: "Copied",
  try_again: "Try again",
  you: "You",
  errors: {
    already_claimed: "This box already has an owner. Sign in with the owner's password.",
    already_recording: "This meeting is being recorded already.",
    claim_locked:
      "The code was wrong five times, so it no longer works. Restart the box: it then shows a new code.",
    disk_below_reserve:
      "The disk is too full to record: only the reserve is left. Delete recordings or make the reserve smaller.",
    forbidden: "You may not do this. Sign in as the owner of this box.",
    invalid_name: "This name cannot be used. Take 1 to 80 characters.",
    invite_invalid:
      "This invite link no longer works. Ask the person who sent it for a new one.",
    name_taken: "There is already one with this name. Choose another.",
    no_meeting: "Nobody is in this room. Recording starts once somebody has joined.",
    not_found: "This is gone, or never was here. Go back to the list.",
    rate_limited: "Too many requests in a short time. Wait a minute, then try again.",
    room_in_use: "People are meeting in this room. End the meeting first.",
    session_missing: "You are signed out. Sign in again.",
    still_recording: "This is still being recorded. Stop the recording first.",
    too_many_attempts: "Too many wrong passwords. Wait a minute, then try again.",
    unreachable:
      "This box does not answer. Check that it is on and that you are in the same network.",
    weak_password: "This password is too easy. Take at least 10 characters, best some words.",
    wrong_code: "This code is wrong. Compare it with the one that the box shows.",
    wrong_password: "This password is wrong. Try again.",
    unknown: "The box refused this: {{message}} ({{code}}). Try again; its log says more.",
  },
};
