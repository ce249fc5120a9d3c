// What somebody called themselves or a thing. A name may bring marks that turn the direction of writing
// (U+202E and others of UAX #9): here they end with the name, and what stands beside it keeps its place.
import type { ReactNode } from "react";

export function Name({ children }: { children: ReactNode }) {
  return <bdi>{children}</bdi>;
}
