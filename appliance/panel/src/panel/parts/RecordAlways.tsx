// Whether a room is recorded whenever somebody is in it.
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import type { Room } from "../../api/schema";
import { RoomSwitch } from "./RoomSwitch";

export function RecordAlways({ room }: { room: Room }) {
  const { t } = useTranslation("panel");
  return (
    <RoomSwitch
      label={t("schedule.always")}
      description={t("schedule.always_text")}
      on={room.record_always}
      change={(on) => api.setRecordAlways(room.id, on)}
    />
  );
}
