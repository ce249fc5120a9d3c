import { Badge } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconHourglass,
  IconPlayerRecord,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { RecordingState as State } from "../../api/schema";

const LOOKS = {
  recording: { icon: IconPlayerRecord, color: "red" },
  captured: { icon: IconHourglass, color: "blue" },
  ready: { icon: IconCircleCheck, color: "teal" },
  parked: { icon: IconAlertTriangle, color: "orange" },
  empty: { icon: IconCircleDashed, color: "gray" },
} as const;

/** A state has a word, a picture and a colour; none of them alone. */
export function RecordingState({ state }: { state: State }) {
  const { t } = useTranslation("panel");
  const { icon: Picture, color } = LOOKS[state];
  return (
    <Badge
      className="state"
      variant="light"
      color={color}
      tt="none"
      leftSection={<Picture size={13} aria-hidden />}
    >
      {t(`recording.state.${state}`)}
    </Badge>
  );
}
