// What the browser remembers of a person's choices. Pages in a frame, and in browsers that are told to keep nothing,
// may be refused the storage: then a choice holds for as long as the page is there.
const choices = new Map<string, string>();

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return choices.get(key) ?? null;
  }
}

/** `null`: it is forgotten. */
export function remember(key: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    if (value === null) choices.delete(key);
    else choices.set(key, value);
  }
}
