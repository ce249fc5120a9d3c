// The time, for components that count. One timer for all of them.
import { useSyncExternalStore } from "react";

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Milliseconds since 1970, once a second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

function minute(): number {
  const date = new Date(now);
  return date.getHours() * 60 + date.getMinutes();
}

/** Minutes since midnight here, which is where the box stands as well. Renders once a minute. */
export function useMinuteOfDay(): number {
  return useSyncExternalStore(subscribe, minute);
}
