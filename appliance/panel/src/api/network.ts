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
} from "./schema";

const NETWORK = `${BASE}/network`;

export const networkKeys = {
  view: ["network"],
  // Not below the view: that is asked for when this ends.
  trial: ["network-trial"],
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
  tryProxy: (attempt: { proxy: ProxySettings; url: string }) =>
    askAt<ProxyTrial>(NETWORK, "POST", "/proxy/tests", attempt),
  time: () => askAt<TimeView>(BASE, "GET", "/time"),
  putTime: (put: TimePut) => askAt<TimeView>(BASE, "PUT", "/time", put),
};
