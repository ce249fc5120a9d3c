// Starts i18next with the words of one entry, in the language in use alone: another one comes when somebody
// chooses it. The language is the person's choice, else the browser's. That each is complete the types say,
// so none falls back to another.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { isolated } from "../direction";
import { remember, remembered } from "../remembered";

export const LANGUAGES = [
  { code: "en", name: "English" },
  { code: "de", name: "Deutsch" },
] as const;

type Code = (typeof LANGUAGES)[number]["code"];
type Namespace = "panel" | "auditLog" | "meet" | "setup" | "share" | "shared";
/** Where the words of a namespace come from, language by language. */
type Sources = Record<Code, () => Promise<object>>;

const STORED = "roombox.language";

const sources = new Map<Namespace, Sources>([
  [
    "shared",
    {
      en: () => import("./shared.en").then(({ shared }) => shared),
      de: () => import("./shared.de").then(({ shared }) => shared),
    },
  ],
]);

/** What the person chose or the browser asks for; null: nothing that the box speaks. */
export function wantedLanguage(): Code | null {
  const wishes = [remembered(STORED), ...navigator.languages];
  for (const wish of wishes) {
    const known = LANGUAGES.find((language) => wish?.toLowerCase().startsWith(language.code));
    if (known) return known.code;
  }
  return null;
}

/** What was asked for last: words that arrive later for another one change nothing. */
let wish: Code | null = null;

/** The box's own language, for those who want none that it speaks. */
export function suggestLanguage(code: string | null) {
  const known = LANGUAGES.find((language) => language.code === code);
  // A suggestion whose words are not to be had leaves the language that is there.
  if (known && wantedLanguage() === null) void speak(known.code).catch(() => undefined);
}

/** Resolves when there is something to say. */
export async function startWords(namespace: Namespace, words: Sources): Promise<void> {
  const code = wantedLanguage() ?? "en";
  wish = code;
  i18next.on("languageChanged", (language) => {
    document.documentElement.lang = language;
  });
  void i18next.use(initReactI18next).init({
    lng: code,
    fallbackLng: false,
    defaultNS: namespace,
    fallbackNS: "shared",
    // React escapes what is code. What turns the direction of writing must end with the name that brings it.
    interpolation: { escapeValue: true, escape: isolated },
    initAsync: false,
    resources: {},
  });
  sources.set(namespace, words);
  await bring(code);
}

/** Words of a part that comes later. */
export async function addWords(namespace: Namespace, words: Sources): Promise<void> {
  sources.set(namespace, words);
  await bring(i18next.language as Code);
}

export function chooseLanguage(code: string) {
  remember(STORED, code);
  void speak(code as Code).catch(() => {
    // Where its words are not to be had, the box was updated: the page of today has them.
    if (wish === code) location.reload();
  });
}

async function speak(code: Code) {
  wish = code;
  await bring(code);
  if (wish === code) await i18next.changeLanguage(code);
}

/** Also the words of a part that came while these were awaited. */
async function bring(code: Code) {
  for (;;) {
    const missing = [...sources].filter(([namespace]) => !i18next.hasResourceBundle(code, namespace));
    if (missing.length === 0) return;
    await Promise.all(
      missing.map(async ([namespace, of]) => {
        i18next.addResourceBundle(code, namespace, await of[code]());
      }),
    );
  }
}
