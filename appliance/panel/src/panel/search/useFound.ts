// Leads to the setting that an address names (`?find=settings.reserve`): its field has the focus and is marked
// for a moment. A setting that shows only after another one is led to by its card.
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useSearch } from "wouter";
import { SETTINGS } from "./places";

/** Cards come as the box answers. */
const PATIENCE_MS = 8_000;
/** A field that is not there when its card has stood for so long does not show now. */
const CARD_MS = 600;
const MARKED_MS = 2_500;
const FIELDS = "input:not([type=hidden]), textarea, select, button, [tabindex='0']";

export function useFound() {
  const { t, i18n } = useTranslation("panel");
  const named = new URLSearchParams(useSearch()).get("find");
  const [place, go] = useLocation();
  const setting = SETTINGS.find(({ words, to }) => words === named && to === place);
  const words = setting && t(setting.words);
  const card = setting && t(setting.card);
  useEffect(() => {
    if (words === undefined || card === undefined) return;
    let cardSince: number | null = null;
    const until = performance.now() + PATIENCE_MS;
    const look = () => {
      const heading = headed(card);
      if (heading) cardSince ??= performance.now();
      const waited = cardSince !== null && performance.now() - cardSince > CARD_MS;
      const target = labelled(words, heading) ?? (words === card || waited ? heading : null);
      if (!target && performance.now() < until) return;
      clearInterval(timer);
      if (target) lead(target);
      else focusPage();
      // The address of the page itself: to load it anew does not lead there again.
      go(place, { replace: true });
    };
    const timer = setInterval(look, 50);
    return () => clearInterval(timer);
  }, [words, card, place, go, i18n.language]);
}

const said = (element: Element) => element.textContent?.replace(/\s*\*$/, "").trim();

function headed(words: string): HTMLElement | null {
  return [...document.querySelectorAll<HTMLElement>("#page h2, #page h3")].find((one) => said(one) === words) ?? null;
}

/** The control that is called so, in the card. */
function labelled(words: string, heading: HTMLElement | null): HTMLElement | null {
  const card = heading?.closest("section") ?? document.querySelector("#page");
  if (!card || (heading && said(heading) === words)) return null;
  for (const one of card.querySelectorAll<HTMLElement>("label, legend, [aria-label], .mantine-InputWrapper-label")) {
    if (said(one) !== words && one.getAttribute("aria-label") !== words) continue;
    if (one.matches(FIELDS)) return one;
    const control = one instanceof HTMLLabelElement ? one.control : null;
    const field = control ?? (one.matches("[aria-label]") ? one : one.parentElement)?.querySelector<HTMLElement>(FIELDS);
    if (field) return field;
  }
  return null;
}

/** Where the next Tab leads into the page. */
export function focusPage() {
  document.getElementById("page")?.focus({ preventScroll: true });
}

function lead(target: HTMLElement) {
  if (!target.matches(FIELDS)) target.tabIndex = -1;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "center" });
  const marked = target.closest("label, .mantine-InputWrapper-root, .mantine-Switch-root") ?? target;
  marked.classList.add("found");
  setTimeout(() => marked.classList.remove("found"), MARKED_MS);
}
