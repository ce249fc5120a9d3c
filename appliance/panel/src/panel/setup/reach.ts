// The addresses under which other devices open the panel. Pure.

/** Where this page is: `window.location`'s part of it. */
export interface Here {
  protocol: string;
  hostname: string;
  port: string;
}

/** Nobody else reaches the box there. */
export function isOwnMachine(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return name === "localhost" || name === "::1" || /^127(\.\d+){3}$/.test(name);
}

/** Addresses of the panel: as this page is open, if others can open it so; by mDNS names; by the rest. */
export function addressesOf(names: string[], here: Here): string[] {
  const bare = (host: string) => host.replace(/^\[|\]$/g, "").toLowerCase();
  const hosts = [here.hostname, ...names].map(bare).filter((host) => !isOwnMachine(host));
  const byName = (host: string) => (host.endsWith(".local") ? 0 : /^[\d.]+$|:/.test(host) ? 2 : 1);
  // Those of a link need the name of an interface behind them: no browser takes that.
  const good = [...new Set(hosts)].filter((host) => !host.startsWith("fe80:"));
  const rest = good.filter((host) => host !== bare(here.hostname)).sort((a, b) => byName(a) - byName(b));
  const first = good.filter((host) => host === bare(here.hostname));
  const port = here.port === "" ? "" : `:${here.port}`;
  return [...first, ...rest].map(
    (host) => `${here.protocol}//${host.includes(":") ? `[${host}]` : host}${port}/panel/`,
  );
}

/** The box's name that is found without anybody having made it known. */
export function mdnsNames(names: string[]): string[] {
  return names.filter((name) => name.endsWith(".local"));
}

/** Why this browser gives this page no camera; null: it would. */
export type NoCamera = "http" | "blocked";

export function noCamera(secure: boolean, devices: boolean, protocol: string): NoCamera | null {
  if (secure && devices) return null;
  return protocol === "http:" ? "http" : "blocked";
}
