// Marks in a name that turn the direction of writing (UAX #9) go on to the end of the paragraph unless they are
// closed, so what a page writes after the name would be turned as well.

const TURNS = /[\u202A-\u202E\u2066-\u2069]/gu;
const ISOLATES = /[\u2066-\u2069]/gu;

/** A name for the middle of a sentence: what turns in it ends with it. Others come back as they are. */
export function isolated(name: string): string {
  if (name.search(TURNS) < 0) return name;
  // An end of its own would close the isolate around it.
  return `\u2068${name.replace(ISOLATES, "")}\u2069`;
}

/** Text in which names stand that cannot be told from the rest: nothing turns in it. */
export function unturned(text: string): string {
  return text.replace(TURNS, "");
}
