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

function preferred(): string {
  const wishes = [localStorage.getItem(STORED), ...navigator.languages];
  for (const wish of wishes) {
    const known = LANGUAGES.find((language) => wish?.toLowerCase().startsWith(language.code));
    if (known) return known.code;
  }
  return "en";
}

export function startWords(
  namespace: "panel" | "meet",
  words: { en: object; de: object },
): typeof i18next {
  const mark = (language: string) => {
    document.documentElement.lang = language;
  };
  i18next.on("languageChanged", mark);
  void i18next.use(initReactI18next).init({
    lng: preferred(),
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
