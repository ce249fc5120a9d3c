// Files of the meeting as chat messages carry them: programs see a line with name and address, this
// page a card.
import type { Handout } from "../api/schema";

const ATTRIBUTE = "roombox.file";

export type FileCard = Pick<Handout, "name" | "bytes" | "path" | "picture">;

/** What goes with the message. */
export function attributesOf({ name, bytes, path, picture }: Handout): Record<string, string> {
  return { [ATTRIBUTE]: JSON.stringify({ name, bytes, path, picture }) };
}

/** The file of a message; null: it has none that lies on this box. Anybody may have written it. */
export function fileOf(attributes: Record<string, string> | undefined): FileCard | null {
  try {
    const { name, bytes, path, picture } = JSON.parse(attributes?.[ATTRIBUTE] ?? "null") as Record<string, unknown>;
    const ours = typeof path === "string" && /^\/f\/[A-Z0-9]{32}$/.test(path);
    if (!ours || typeof name !== "string" || name === "" || typeof bytes !== "number") return null;
    return { name: name.slice(0, 200), bytes, path, picture: picture === true };
  } catch {
    return null;
  }
}
