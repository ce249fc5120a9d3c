// Why there is no sound or picture, and where to click in this browser.
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Trouble } from "./devices";

interface DeviceTroubleProps {
  microphone: Trouble | null;
  camera: Trouble | null;
}

export function DeviceTrouble({ microphone, camera }: DeviceTroubleProps) {
  const { t } = useTranslation("meet");
  const trouble = microphone ?? camera;
  if (trouble === null) return null;
  const which =
    microphone && camera ? t("trouble.both") : microphone ? t("microphone") : t("camera");
  return (
    <div className="trouble" role="alert">
      <IconAlertTriangle size={20} aria-hidden />
      <div>
        <strong>{t(`trouble.${trouble}.what`, { which })}</strong>
        <p>{trouble === "refused" ? t(`trouble.refused.${browserKind()}`) : t(`trouble.${trouble}.now`)}</p>
        <p className="quiet">{t("trouble.still")}</p>
      </div>
    </div>
  );
}

/** Where people allow devices differs. */
export function browserKind(): "firefox" | "ios" | "safari" | "chromium" {
  const agent = navigator.userAgent;
  if (/iPhone|iPad/.test(agent)) return "ios";
  if (agent.includes("Firefox/")) return "firefox";
  if (agent.includes("Safari/") && !/Chrom(e|ium)\//.test(agent)) return "safari";
  return "chromium";
}
