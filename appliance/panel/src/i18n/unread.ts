// What stands there when a page's own parts did not come: without them there are no words, so it has both
// languages in it.
import { wantedLanguage } from "./start";

const TEXTS = {
  en: { text: "This page did not load whole. This box may be restarting or have been updated.", again: "Load it again" },
  de: {
    text: "Diese Seite wurde nicht ganz geladen. Vielleicht startet diese Box gerade neu oder wurde aktualisiert.",
    again: "Neu laden",
  },
};

export function sayUnread(root: HTMLElement) {
  const { text, again } = TEXTS[wantedLanguage() ?? "en"];
  const sentence = document.createElement("p");
  sentence.textContent = text;
  const button = document.createElement("button");
  button.textContent = again;
  button.onclick = () => location.reload();
  const main = document.createElement("main");
  main.setAttribute("role", "alert");
  main.style.cssText = "font: 16px/1.5 system-ui; max-width: 36rem; margin: 4rem auto; padding: 0 1rem";
  main.append(sentence, button);
  root.replaceChildren(main);
}
