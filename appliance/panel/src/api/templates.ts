// Templates for rooms.
import { askAt, BASE } from "./client";
import type {
  NewRoomTemplate,
  RoomSettings,
  RoomSettingsPatch,
  RoomTemplate,
  RoomTemplatePatch,
  TemplatePreview,
} from "./schema";

const of = (id: string) => `${BASE}/room-templates/${encodeURIComponent(id)}`;

export const templates = {
  list: () => askAt<{ items: RoomTemplate[] }>(BASE, "GET", "/room-templates"),
  create: (template: NewRoomTemplate) =>
    askAt<RoomTemplate>(BASE, "POST", "/room-templates", template),
  change: (id: string, patch: RoomTemplatePatch) => askAt<RoomTemplate>(of(id), "PATCH", "", patch),
  remove: (id: string) => askAt<undefined>(of(id), "DELETE", ""),
  preview: (id: string, rooms: string[]) =>
    askAt<{ items: TemplatePreview[] }>(of(id), "POST", "/previews", { rooms }),
  /** Only if the room is still what the preview said. */
  apply: (id: string, preview: TemplatePreview) =>
    askAt<TemplatePreview>(`${BASE}/rooms/${encodeURIComponent(preview.room)}`, "POST", "/template", {
      template: id,
      of: preview.of,
    }),
};

/** A room that nobody has changed. */
export const UNTOUCHED: RoomSettings = {
  lobby: false,
  record_always: false,
  rules: {
    guests: "anyone",
    max_people: 0,
    guests_share: true,
    guests_camera: true,
    guests_chat: true,
    guests_muted: false,
    keep_days: 0,
    layout: null,
    video_codecs: [],
  },
  targets: null,
};

/** All settings as they are to be. `copies`: whoever asks may say where recordings are copied to. */
export function patchOf(settings: RoomSettings, copies: boolean): RoomSettingsPatch {
  const { targets, ...rest } = settings;
  const ids = targets?.map(({ id }) => id) ?? null;
  return copies ? { ...rest, targets: ids } : rest;
}
