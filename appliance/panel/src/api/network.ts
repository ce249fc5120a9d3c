// The network and the clock.
import { askAt, BASE } from "./client";
import type {
  InterfaceSettings,
  NetworkTrial,
  NetworkTrialView,
  NetworkView,
  ProxySettings,
  ProxyTrial,
  TimePut,
  TimeView,
  WifiJoin,
  WifiView,
} from "./schema";

const NETWORK = `${BASE}/network`;

export const networkKeys = {
  view: ["network"],
  // Not below the view: that is asked for when this ends.
  trial: ["network-trial"],
  wifi: (name: string) => ["network-wifi", name] as const,
  time: ["time"],
} as const;

export const network = {
  view: () => askAt<NetworkView>(NETWORK, "GET", ""),
  trial: () => askAt<NetworkTrialView>(NETWORK, "GET", "/trial"),
  set: (name: string, settings: InterfaceSettings) =>
    askAt<NetworkTrial>(NETWORK, "PUT", `/interfaces/${encodeURIComponent(name)}`, { settings }),
  addVlan: (parent: string, id: number, settings: InterfaceSettings) =>
    askAt<NetworkTrial>(NETWORK, "POST", "/vlans", { parent, id, settings }),
  removeVlan: (name: string) =>
    askAt<NetworkTrial>(NETWORK, "DELETE", `/vlans/${encodeURIComponent(name)}`),
  keep: (id: string) => askAt<NetworkView>(NETWORK, "POST", "/trial/confirm", { id }),
  goBack: () => askAt<NetworkView>(NETWORK, "DELETE", "/trial"),
  wifi: (name: string) => askAt<WifiView>(NETWORK, "GET", `/wifi/${encodeURIComponent(name)}`),
  scan: (name: string) => askAt<WifiView>(NETWORK, "POST", `/wifi/${encodeURIComponent(name)}/scans`),
  join: (name: string, wanted: WifiJoin) =>
    askAt<NetworkTrial>(NETWORK, "PUT", `/wifi/${encodeURIComponent(name)}`, wanted),
  forget: (name: string) => askAt<NetworkTrial>(NETWORK, "DELETE", `/wifi/${encodeURIComponent(name)}`),
  tryProxy: (attempt: { proxy: ProxySettings; url: string }) =>
    askAt<ProxyTrial>(NETWORK, "POST", "/proxy/tests", attempt),
  time: () => askAt<TimeView>(BASE, "GET", "/time"),
  putTime: (put: TimePut) => askAt<TimeView>(BASE, "PUT", "/time", put),
};
