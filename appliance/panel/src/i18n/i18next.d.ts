import type { auditLog } from "./auditLog.en";
import type { meet } from "./meet.en";
import type { panel } from "./panel.en";
import type { setup } from "./setup.en";
import type { share } from "./share.en";
import type { shared } from "./shared.en";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "shared";
    resources: {
      panel: typeof panel;
      auditLog: typeof auditLog;
      meet: typeof meet;
      setup: typeof setup;
      share: typeof share;
      shared: typeof shared;
    };
  }
}
