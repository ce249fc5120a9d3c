// More contrast: as the device asks for it, until somebody decides otherwise here. Style sheets follow
// `data-contrast` of the page's root; forced colours of the system need no word of ours.
import { useSyncExternalStore } from "react";
import { remember, remembered } from "./remembered";

const STORED = "roombox.contrast";
const asked = () => matchMedia("(prefers-contrast: more)");

/** Whether there is more of it now. */
function wanted(): boolean {
  const chosen = remembered(STORED);
  return chosen === null ? asked().matches : chosen === "more";
}

const listeners = new Set<() => void>();

function apply() {
  if (wanted()) document.documentElement.dataset.contrast = "more";
  else delete document.documentElement.dataset.contrast;
  for (const listener of listeners) listener();
}

/** Before anything is drawn; other tabs and the device are followed. */
export function followContrast() {
  apply();
  asked().addEventListener("change", apply);
  window.addEventListener("storage", (event) => {
    if (event.key === STORED) apply();
  });
}

export function chooseContrast(more: boolean) {
  // What the device asks for anyway is no choice: it goes on being followed.
  const usual = more === asked().matches;
  remember(STORED, usual ? null : more ? "more" : "usual");
  apply();
}

export function useContrast(): boolean {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, wanted);
}
