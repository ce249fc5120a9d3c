// Starts i18next with the words of one entry. The language is the person's choice, else the
// browser's; nothing is fetched.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { shared as sharedDe } from "./shared.de";
import { shared as sharedEn } from "./shared.en";

export const LANGUAGES = [
  { code: "en", name: "English" },
  { code: "de", name: "Deutsch" },
] as const;

const STORED = "roombox.language";

/** What the person chose or the browser asks for; null: nothing that the box speaks. */
function wanted(): string | null {
  const wishes = [localStorage.getItem(STORED), ...navigator.languages];
  for (const wish of wishes) {
    const known = LANGUAGES.find((language) => wish?.toLowerCase().startsWith(language.code));
    if (known) return known.code;
  }
  return null;
}

/** The box's own language, for those who want none that it speaks. */
export function suggestLanguage(code: string | null) {
  if (code && wanted() === null) void i18next.changeLanguage(code);
}

export function startWords(
  namespace: "panel" | "meet" | "share",
  words: { en: object; de: object },
): typeof i18next {
  const mark = (language: string) => {
    document.documentElement.lang = language;
  };
  i18next.on("languageChanged", mark);
  void i18next.use(initReactI18next).init({
    lng: wanted() ?? "en",
    fallbackLng: "en",
    defaultNS: namespace,
    fallbackNS: "shared",
    interpolation: { escapeValue: false },
    initAsync: false,
    resources: {
      en: { [namespace]: words.en, shared: sharedEn },
      de: { [namespace]: words.de, shared: sharedDe },
    },
  });
  return i18next;
}

export function chooseLanguage(code: string) {
  localStorage.setItem(STORED, code);
  void i18next.changeLanguage(code);
}
