// What became of a sign-in by the organisation: the box sends browsers back with a word in the address.
import { useEffect, useState } from "react";

/** The word, taken out of the address: a page that is loaded again does not say it again. */
export function useOidcEnd(): string | null {
  const [end] = useState(() => new URLSearchParams(location.search).get("oidc"));
  useEffect(() => {
    if (end !== null) history.replaceState(history.state, "", location.pathname);
  }, [end]);
  return end;
}
