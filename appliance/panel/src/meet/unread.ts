import { useState } from "react";

/** How many messages came since the chat was last open. */
export function useUnread(count: number, open: boolean): number {
  const [read, setRead] = useState(0);
  if (open && read !== count) setRead(count);
  return Math.max(0, count - read);
}
