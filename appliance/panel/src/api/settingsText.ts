// All settings as a text.
import { askAt } from "./client";
import type { Settings, SettingsPreview } from "./schema";

const TEXT = "/api/v1/settings/text";

/** Address of all settings of now, without secrets. */
export const settingsText = (): string => TEXT;

/** What a text would change; nothing changes. */
export const previewSettings = (text: string): Promise<SettingsPreview> =>
  askAt<SettingsPreview>(TEXT, "POST", "/previews", { text });

/** Takes a text over. `of`: what its preview said. */
export const importSettings = (text: string, of: string): Promise<Settings> =>
  askAt<Settings>(TEXT, "PUT", "", { text, of });
