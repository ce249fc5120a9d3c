// Sign-in by the house's identity provider.
import { askAt, BASE } from "./client";
import type { OidcButton, OidcPut, OidcTrial, OidcView } from "./schema";

const SETTINGS = `${BASE}/integrations/oidc`;

export const oidc = {
  view: () => askAt<OidcView>(SETTINGS, "GET", ""),
  put: (put: OidcPut) => askAt<OidcView>(SETTINGS, "PUT", "", put),
  test: () => askAt<OidcTrial>(SETTINGS, "POST", "/tests"),
  readmit: (id: string) => askAt<undefined>(SETTINGS, "DELETE", `/removed/${encodeURIComponent(id)}`),
  button: () => askAt<OidcButton>(BASE, "GET", "/oidc"),
  /** Where the browser goes on to connect one's own account. */
  connect: (password: string) => askAt<{ location: string }>(BASE, "POST", "/account/identity", { password }),
  disconnect: () => askAt<undefined>(BASE, "DELETE", "/account/identity"),
};

/** Where a sign-in begins; `page`: where to be afterwards. */
export const signInAddress = (page: string): string => `${BASE}/oidc/start?page=${encodeURIComponent(page)}`;
