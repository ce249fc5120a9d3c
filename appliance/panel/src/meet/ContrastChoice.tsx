import { IconContrast } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { chooseContrast, useContrast } from "../contrast";

export function ContrastChoice() {
  const { t } = useTranslation(["meet", "shared"]);
  const more = useContrast();
  return (
    <button
      type="button"
      className="contrast-choice"
      aria-pressed={more}
      aria-label={t("shared:contrast")}
      title={t("shared:contrast")}
      onClick={() => chooseContrast(!more)}
    >
      <IconContrast size={20} aria-hidden />
    </button>
  );
}
