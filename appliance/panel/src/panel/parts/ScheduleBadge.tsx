import {
  IconCalendarEvent,
  IconCircleCheck,
  IconHandStop,
  IconHourglass,
  IconPlayerRecord,
  IconX,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ScheduleState } from "../../api/schema";
import { StateBadge, type StateLook } from "./StateBadge";

const LOOKS: Record<ScheduleState, StateLook> = {
  planned: { icon: IconCalendarEvent, color: "blue" },
  waiting: { icon: IconHourglass, color: "yellow" },
  recording: { icon: IconPlayerRecord, color: "red" },
  recorded: { icon: IconCircleCheck, color: "green" },
  stopped: { icon: IconHandStop, color: "gray" },
  missed: { icon: IconX, color: "gray" },
};

/** How it stands with something that is planned. */
export function ScheduleBadge({ state }: { state: ScheduleState }) {
  const { t } = useTranslation("panel");
  return <StateBadge look={LOOKS[state]} word={t(`schedule.state.${state}`)} />;
}
