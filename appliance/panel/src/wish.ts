// Settings that a fleet wants, while somebody writes them. Pure.
import type { Settings } from "./api/schema";

export type Named = Record<string, unknown>;

/** Texts of groups may name these. */
export const VARIABLES = ["{{box.name}}", "{{box.id}}", "{{group}}", "{{site}}"] as const;

/** Typed at each box alone. */
const SECRETS = ["turn.secret", "proxy.password"];

/** All settings that can be wanted, with a value of their kind: this hub's own. */
export function wantable(settings: Settings): Named {
  const all: Named = {};
  for (const [section, values] of Object.entries(settings)) {
    for (const [name, value] of Object.entries(values)) {
      const setting = `${section}.${name}`;
      if (!SECRETS.includes(setting)) all[setting] = value;
    }
  }
  return all;
}

/** Those that are not among the wishes yet. */
export function missing(all: Named, wanted: Named): string[] {
  return Object.keys(all).filter((setting) => !(setting in wanted));
}

/** A list as one types it, and back. */
export const listed = (value: unknown): string => (Array.isArray(value) ? value.join(" ") : "");
export const unlisted = (text: string): string[] => text.split(/[\s,]+/).filter((one) => one !== "");
