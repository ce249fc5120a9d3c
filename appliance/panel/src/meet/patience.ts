import { useEffect, useState } from "react";
import { Refusal } from "../api/client";

/** Whole seconds until the box will listen again to who was refused with `error`; 0: it listens. */
export function usePatience(error: unknown): number {
  const asked = error instanceof Refusal ? (error.retryAfterSeconds ?? 0) : 0;
  const over = error instanceof Refusal ? error.at + asked * 1_000 : 0;
  const [now, setNow] = useState(Date.now);
  // `now` is from before the refusal until the first tick after it.
  const left = Math.min(asked, Math.max(0, Math.ceil((over - now) / 1_000)));
  useEffect(() => {
    if (left === 0) return;
    const next = setTimeout(() => setNow(Date.now()), 250);
    return () => clearTimeout(next);
  }, [left, now]);
  return left;
}
