// How strong a radio hears a network: a picture, and words for who does not see it.
import { IconWifi, IconWifi0, IconWifi1, IconWifi2 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { bars } from "./wifi";

const PICTURES = [IconWifi0, IconWifi1, IconWifi2, IconWifi];

export function Strength({ of }: { of: number }) {
  const { t } = useTranslation("panel");
  const Picture = PICTURES[bars(of)] ?? IconWifi;
  return <Picture size={24} role="img" aria-label={t("wifi.strength", { percent: of })} style={{ flex: "none" }} />;
}
