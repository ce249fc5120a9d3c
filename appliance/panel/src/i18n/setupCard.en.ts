// The way to the wizard of the first hour, from the rooms and the settings.
export const setup_card = {
  progress: "Set-up: {{done}} of {{all}} done",
  go_on: "Go on",
  not_now: "Not now",
  dismissed: "The set-up is waiting in the settings.",
  title: "Set-up",
  text: "Name and clock, address, certificate, first room, test call: what of it is done, and what is open.",
  look: "Open the set-up",
  remind: "Remind me again",
  reminded: "The rooms remind you again.",
};
