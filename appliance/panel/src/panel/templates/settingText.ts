// The settings of a room in words, one at a time.
import { useTranslation } from "react-i18next";
import { UNTOUCHED } from "../../api/templates";
import type { RoomSetting, RoomSettings } from "../../api/schema";

export const SETTINGS = [
  "guests",
  "lobby",
  "max_people",
  "guests_muted",
  "guests_camera",
  "guests_share",
  "guests_chat",
  "layout",
  "video_codecs",
  "record_always",
  "targets",
  "keep_days",
] as const satisfies RoomSetting[];

/** What is other than in a room that nobody has changed. */
export function differing(settings: RoomSettings): RoomSetting[] {
  const plain = (name: RoomSetting, of: RoomSettings) => JSON.stringify(valueOf(name, of));
  return SETTINGS.filter((name) => plain(name, settings) !== plain(name, UNTOUCHED));
}

function valueOf(name: RoomSetting, { rules, lobby, record_always, targets }: RoomSettings) {
  const all = { ...rules, lobby, record_always, targets };
  return all[name];
}

export function useSettingText() {
  const { t } = useTranslation("panel");
  const onOff = (on: boolean) => t(on ? "templates.on" : "templates.off");
  const may = (on: boolean) => t(on ? "templates.may" : "templates.may_not");
  const boxs = (number: number, words: string) => (number === 0 ? t("templates.as_box") : words);
  return {
    label: (name: RoomSetting) => t(`templates.labels.${name}`),
    value(name: RoomSetting, { rules, lobby, record_always, targets }: RoomSettings): string {
      switch (name) {
        case "guests":
          return t(`rules.entry.${rules.guests}`);
        case "lobby":
          return onOff(lobby);
        case "max_people":
          return boxs(rules.max_people, String(rules.max_people));
        case "guests_muted":
          return may(rules.guests_muted);
        case "guests_camera":
        case "guests_share":
        case "guests_chat":
          return may(rules[name]);
        case "layout":
          return rules.layout ? t(`layout.${rules.layout}`) : t("templates.as_box");
        case "video_codecs":
          return rules.video_codecs.length === 0
            ? t("codecs.any")
            : rules.video_codecs.map((codec) => t(`codecs.names.${codec}`)).join(", ");
        case "record_always":
          return onOff(record_always);
        case "targets": {
          const names = (targets ?? []).map((target) =>
            target.gone ? t("templates.removed", { name: target.name }) : target.name,
          );
          return names.length === 0 ? t("templates.nowhere") : names.join(", ");
        }
        case "keep_days":
          return boxs(rules.keep_days, t("templates.days", { count: rules.keep_days }));
      }
    },
  };
}
