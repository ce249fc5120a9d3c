// Sees to it that a page arrives. Browsers give a page up when one of its scripts does not come, as when a
// laptop changes its network meanwhile, and leave it white. This one runs before the others and imports
// nothing: when a part has not come it asks for the box, and loads the page again once that answers.

/** So often the page is loaded again by itself within `FORGOTTEN_MS`; then somebody has to say so. */
const RELOADS = 3;
const FORGOTTEN_MS = 60_000;
const ASK_AGAIN_MS = 2_000;
/** Who waits for longer wants to know for what. */
const SAID_AFTER_MS = 3_000;
const KEPT = "roombox.arrival";

const WORDS = {
  en: {
    title: "This page has not come whole",
    text: "It is loaded again as soon as the box answers. Is the box on, and is this device still in its network?",
    again: "Load again",
  },
  de: {
    title: "Diese Seite ist nicht ganz angekommen",
    text: "Sie wird neu geladen, sobald die Box antwortet. Ist die Box eingeschaltet, und ist dieses Gerät noch in ihrem Netz?",
    again: "Neu laden",
  },
};

function language(): keyof typeof WORDS {
  const wanted = localStorage.getItem("roombox.language") ?? navigator.language;
  return wanted.startsWith("de") ? "de" : "en";
}

/** When the page was loaded again by itself lately. */
function reloads(): number[] {
  const kept: number[] = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  return kept.filter((at) => Date.now() - at < FORGOTTEN_MS);
}

/** Pages in a frame may be refused the browser's storage: then nobody counts, and nobody loads again. */
function mayReload(): boolean {
  try {
    const before = reloads();
    if (before.length >= RELOADS) return false;
    sessionStorage.setItem(KEPT, JSON.stringify([...before, Date.now()]));
    return true;
  } catch {
    return false;
  }
}

function say(root: HTMLElement) {
  let words = WORDS.en;
  try {
    words = WORDS[language()];
  } catch {
    // Without storage nobody has chosen a language.
  }
  const [title, text, again] = [document.createElement("h1"), document.createElement("p"), document.createElement("button")];
  title.textContent = words.title;
  text.textContent = words.text;
  again.textContent = words.again;
  again.addEventListener("click", () => location.reload());
  const alert = document.createElement("div");
  alert.setAttribute("role", "alert");
  alert.style.cssText = "font: 16px/1.5 system-ui, sans-serif; max-width: 38rem; margin: 4rem auto; padding: 0 1rem";
  title.style.fontSize = "1.4rem";
  again.style.cssText = "font: inherit; padding: 0.5rem 1rem";
  alert.append(title, text, again);
  root.append(alert);
}

let lost = false;

async function fetchAgain() {
  const root = document.getElementById("root");
  // What is missing of a page that stands is that page's business.
  if (lost || root?.hasChildNodes()) return;
  lost = true;
  const since = Date.now();
  let said = false;
  for (;;) {
    const there = await fetch("/", { method: "HEAD", cache: "no-store" }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (there && mayReload()) {
      location.reload();
      return;
    }
    if (root && !said && (there || Date.now() - since > SAID_AFTER_MS)) {
      said = true;
      say(root);
    }
    if (there) return;
    await new Promise((later) => setTimeout(later, ASK_AGAIN_MS));
  }
}

// In the way down: errors of elements do not rise.
addEventListener("error", () => void fetchAgain(), true);
addEventListener("unhandledrejection", () => void fetchAgain());
