import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Elapsed } from "./Ago";

/** The red dot with the time, wherever a running recording is shown. */
export function RecordingTime({ since, paused = false }: { since: string; paused?: boolean }) {
  const { t } = useTranslation("panel");
  if (paused) {
    return (
      <Badge variant="outline" color="gray" size="lg" tt="none" style={{ flex: "none" }}>
        {t("recording_paused")}
      </Badge>
    );
  }
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
