// What a form of an interface's settings holds, and what it means.
import type { InterfaceSettings } from "../../api/schema";

/** Lists are texts with a line for each. */
export interface Draft {
  ipv4: InterfaceSettings["ipv4"];
  ipv6: InterfaceSettings["ipv6"];
  dns: string;
  search: string;
}

export const EMPTY: InterfaceSettings = {
  ipv4: { way: "dhcp", address: "", prefix: 24, gateway: "" },
  ipv6: { way: "auto", address: "", prefix: 64, gateway: "" },
  dns: [],
  search: [],
};

/** What an interface is set to, to be changed. A prefix that was never set begins with the usual one. */
export function draftOf(settings: InterfaceSettings | null): Draft {
  const { ipv4, ipv6, dns, search } = settings ?? EMPTY;
  return {
    ipv4: { ...ipv4, prefix: ipv4.prefix || EMPTY.ipv4.prefix },
    ipv6: { ...ipv6, prefix: ipv6.prefix || EMPTY.ipv6.prefix },
    dns: dns.join("\n"),
    search: search.join("\n"),
  };
}

export const listOf = (text: string): string[] => text.split(/[\s,;]+/).filter((one) => one !== "");

export function settingsOf({ ipv4, ipv6, dns, search }: Draft): InterfaceSettings {
  return { ipv4, ipv6, dns: listOf(dns), search: listOf(search) };
}

/** Where the box's pages are at one of its addresses, which come with a prefix. */
export function pageAt(address: string, { protocol, port }: { protocol: string; port: string }): string {
  const ip = address.split("/")[0] ?? "";
  const host = ip.includes(":") ? `[${ip}]` : ip;
  return `${protocol}//${host}${port === "" ? "" : `:${port}`}/panel/settings/network`;
}

/** Addresses that mean something beyond one cable. */
export const isReachable = (address: string): boolean => !/^(fe80|169\.254\.)/i.test(address);
