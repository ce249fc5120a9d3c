// What is known of Wi-Fi without asking. Pure.
import type { WifiJoin, WifiNetwork } from "../../api/schema";

/** Arcs of the picture, 0 to 3, by percent. */
export const bars = (strength: number): number => (strength >= 70 ? 3 : strength >= 45 ? 2 : strength >= 20 ? 1 : 0);

/** How a network that was heard is joined; `null`: the box cannot. */
export function keyOf(security: WifiNetwork["security"]): WifiJoin["key"] | null {
  switch (security) {
    case "open":
    case "owe":
    case "wpa2":
    case "wpa3":
      return security;
    case "wpa2_wpa3":
      return "wpa2";
    case "enterprise":
    case "wep":
      return null;
  }
}
