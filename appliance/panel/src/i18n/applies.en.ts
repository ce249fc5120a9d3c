// When a change of a setting counts.
export const applies = {
  now: "Applies at once",
  meetings: "Applies to meetings that begin from now on",
  joins: "Applies to whoever joins from now on",
  recordings: "Applies to recordings that begin from now on",
  films: "Applies to films that are ordered from now on",
  pages: "Applies to pages that are opened from now on",
  start: "Applies from the next start of the box",
};
