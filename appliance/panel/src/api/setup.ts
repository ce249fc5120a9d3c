// The first hour: what of the set-up is open.
import { askAt, BASE } from "./client";
import type { SetupPatch, SetupView } from "./schema";

export const setup = {
  view: () => askAt<SetupView>(BASE, "GET", "/setup"),
  patch: (patch: SetupPatch) => askAt<SetupView>(BASE, "PATCH", "/setup", patch),
};

export const setupKeys = { view: ["setup"], clock: ["setup", "clock"] };
