// Finds entries by words of their names. Pure.

export interface Entry {
  /** What it is called, in the reader's language. */
  name: string;
  /** Where it is: a card, a page. */
  within?: string;
  /** Other words that people use for it. */
  also?: string;
}

/** Without accents and capitals: whoever types "raume" means "Räume". */
export function plain(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/ß/g, "ss")
    .toLowerCase();
}

/** 0: not meant. A name that begins with a word counts more than one that has it within, and that more
 * than other words for it. */
function scoreOf(entry: Entry, words: string[]): number {
  const name = plain(entry.name);
  const beginnings = name.split(/[^\p{L}\p{N}]+/u);
  const others = plain(`${entry.within ?? ""} ${entry.also ?? ""}`);
  let sum = 0;
  for (const word of words) {
    if (name.startsWith(word)) sum += 8;
    else if (beginnings.some((one) => one.startsWith(word))) sum += 6;
    else if (name.includes(word)) sum += 3;
    else if (` ${others}`.includes(` ${word}`)) sum += 2;
    else if (word.length > 3 && others.includes(word)) sum += 1;
    else return 0;
  }
  return sum;
}

/** Those that have every word, the best first; of equals the order stays. */
export function find<T extends Entry>(entries: readonly T[], text: string, most: number): T[] {
  const words = plain(text).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return entries
    .map((entry) => ({ entry, score: scoreOf(entry, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, most)
    .map(({ entry }) => entry);
}
