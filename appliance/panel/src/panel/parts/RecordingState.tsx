import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconHourglass,
  IconPlayerRecord,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { RecordingState as State } from "../../api/schema";
import { StateBadge } from "./StateBadge";

const LOOKS = {
  recording: { icon: IconPlayerRecord, color: "red" },
  captured: { icon: IconHourglass, color: "blue" },
  ready: { icon: IconCircleCheck, color: "teal" },
  parked: { icon: IconAlertTriangle, color: "orange" },
  empty: { icon: IconCircleDashed, color: "gray" },
} as const;

export function RecordingState({ state }: { state: State }) {
  const { t } = useTranslation("panel");
  return <StateBadge look={LOOKS[state]} word={t(`recording.state.${state}`)} />;
}
