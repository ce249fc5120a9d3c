// How hard a password is to guess, for the meter. A rough lower bound, not a promise: the box has
// the last word (`weak_password`).

/** The box takes no shorter one. */
export const MIN_LENGTH = 10;

export type Strength = 0 | 1 | 2 | 3 | 4;

const CLASSES: [RegExp, number][] = [
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[0-9]/, 10],
  [/[^a-zA-Z0-9]/, 33],
];

const COMMON =
  /passwor[dt]|qwert[yz]|asdf|letmein|welcome|willkommen|admin|roombox|12345|abcde|iloveyou|hallo/gi;

/** Bits that a guesser must try, with runs, sequences and well-known words counted as one letter. */
export function bitsOf(password: string): number {
  const shortened = password.replace(COMMON, "x").replace(/(.)\1{2,}/g, "$1");
  const alphabet = CLASSES.reduce(
    (size, [pattern, count]) => size + (pattern.test(shortened) ? count : 0),
    0,
  );
  let letters = 0;
  for (let at = 0; at < shortened.length; at += 1) {
    const step = shortened.charCodeAt(at) - shortened.charCodeAt(at - 1);
    const before = shortened.charCodeAt(at - 1) - shortened.charCodeAt(at - 2);
    const follows = Math.abs(step) <= 1 && step === before;
    letters += follows ? 0.25 : 1;
  }
  return alphabet === 0 ? 0 : letters * Math.log2(alphabet);
}

export function strengthOf(password: string): Strength {
  if (password.length < MIN_LENGTH) return 0;
  const bits = bitsOf(password);
  if (bits < 40) return 1;
  if (bits < 56) return 2;
  if (bits < 75) return 3;
  return 4;
}
