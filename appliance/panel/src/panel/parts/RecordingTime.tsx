import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Elapsed } from "./Ago";

/** The red dot with the time, wherever a running recording is shown. */
export function RecordingTime({ since }: { since: string }) {
  const { t } = useTranslation("panel");
  return (
    <Badge
      variant="outline"
      color="red"
      size="lg"
      tt="none"
      leftSection={<span className="dot pulsing" />}
      styles={{ root: { flex: "none", color: "var(--panel-red)", borderColor: "var(--panel-red)" } }}
    >
      {t("recording_now")} <Elapsed since={since} />
    </Badge>
  );
}
