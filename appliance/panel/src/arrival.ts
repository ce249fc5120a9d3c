// Sees to it that a page arrives. Browsers give a page up when one of its scripts does not come, as when a
// laptop changes its network meanwhile, and leave it white. This one runs before the others and imports
// nothing: when a part has not come it asks for the box, and loads the page again once that answers. And it
// knows the language before the others do.

/** So often the page is loaded again by itself within `FORGOTTEN_MS`; then somebody has to say so. */
const RELOADS = 3;
const FORGOTTEN_MS = 60_000;
const ASK_AGAIN_MS = 2_000;
/** Who waits for longer wants to know for what. */
const SAID_AFTER_MS = 3_000;
const KEPT = "roombox.arrival";

/** A box that is off does not even refuse. */
const ANSWER_MS = 10_000;

const WORDS = {
  en: {
    title: "This page has not come whole",
    waits: "It is loaded again as soon as the box answers. Is the box on, and is this device still in its network?",
    tried: "Is the box on, and is this device still in its network? Then load the page again.",
    again: "Load again",
  },
  de: {
    title: "Diese Seite ist nicht ganz angekommen",
    waits: "Sie wird neu geladen, sobald die Box antwortet. Ist die Box eingeschaltet, und ist dieses Gerät noch in ihrem Netz?",
    tried: "Ist die Box eingeschaltet, und ist dieses Gerät noch in ihrem Netz? Dann laden Sie die Seite neu.",
    again: "Neu laden",
  },
};

type Code = keyof typeof WORDS;

/** As src/i18n/start.ts has it: that one is on its way. */
function language(): Code {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem("roombox.language");
  } catch {
    // Pages in a frame may be refused the browser's storage: then nobody has chosen a language.
  }
  const wishes = [chosen ?? "", ...navigator.languages].map((wish) => wish.slice(0, 2).toLowerCase());
  return wishes.find((wish): wish is Code => wish in WORDS) ?? "en";
}

/** Has the words come beside the scripts that will ask for them. */
function fetchWords() {
  const listed = document.querySelector<HTMLMetaElement>("meta[name=roombox-words]");
  const files: Partial<Record<string, string[]>> = JSON.parse(listed?.content ?? "{}");
  for (const file of files[language()] ?? []) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.crossOrigin = "";
    link.href = file;
    document.head.append(link);
  }
}

/** When the page was loaded again by itself lately; null: without storage nobody counts, and nobody loads again. */
function reloads(): number[] | null {
  try {
    const kept: number[] = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return kept.filter((at) => Date.now() - at < FORGOTTEN_MS);
  } catch {
    return null;
  }
}

function mayReload(): boolean {
  const before = reloads();
  return before !== null && before.length < RELOADS;
}

function reload() {
  sessionStorage.setItem(KEPT, JSON.stringify([...(reloads() ?? []), Date.now()]));
  location.reload();
}

let sign: HTMLElement | null = null;

function say(root: HTMLElement) {
  const words = WORDS[language()];
  const [title, text, again] = [document.createElement("h1"), document.createElement("p"), document.createElement("button")];
  title.textContent = words.title;
  text.textContent = mayReload() ? words.waits : words.tried;
  if (sign?.children[1]?.textContent === text.textContent) return;
  again.textContent = words.again;
  again.addEventListener("click", () => location.reload());
  sign?.remove();
  sign = document.createElement("div");
  sign.setAttribute("role", "alert");
  sign.style.cssText = "font: 16px/1.5 system-ui, sans-serif; max-width: 38rem; margin: 4rem auto; padding: 0 1rem";
  title.style.fontSize = "1.4rem";
  again.style.cssText = "font: inherit; padding: 0.5rem 1rem";
  sign.append(title, text, again);
  root.append(sign);
}

/** What is missing of a page that stands is that page's business: somebody may be typing there. */
const stands = (root: HTMLElement | null) => [...(root?.childNodes ?? [])].some((node) => node !== sign);

let lost = false;

async function fetchAgain() {
  const root = document.getElementById("root");
  if (lost || stands(root)) return;
  lost = true;
  const since = Date.now();
  // It may come while it is asked for.
  while (!stands(root)) {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const there = await fetch("/", { method: "HEAD", cache: "no-store", signal }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (stands(root)) break;
    if (there && mayReload()) {
      reload();
      return;
    }
    if (root && (there || Date.now() - since > SAID_AFTER_MS)) say(root);
    if (there) return;
    await new Promise((later) => setTimeout(later, ASK_AGAIN_MS));
  }
  lost = false;
}

// In the way down: errors of elements do not rise.
addEventListener("error", () => void fetchAgain(), true);
addEventListener("unhandledrejection", () => void fetchAgain());
fetchWords();
