import { useTranslation } from "react-i18next";
import { chooseLanguage, LANGUAGES } from "../i18n/start";

export function LanguageChoice() {
  const { t, i18n } = useTranslation(["meet", "shared"]);
  return (
    <select
      className="small"
      aria-label={t("shared:language")}
      value={i18n.language}
      onChange={(event) => chooseLanguage(event.currentTarget.value)}
    >
      {LANGUAGES.map(({ code, name }) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </select>
  );
}
