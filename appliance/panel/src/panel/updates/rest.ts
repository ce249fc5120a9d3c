import type { UpdateState } from "../../api/schema";

/** Whether something else may begin. */
export function isAtRest(now: UpdateState): boolean {
  return now.state === "idle" || now.state === "installed" || now.state === "failed";
}
