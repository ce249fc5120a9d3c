// The order of the wizard, and what of it is open. Pure.
import type { SetupStep, SetupView, StepState } from "../../api/schema";

/** The owner is there once the box is claimed; the end is a page, and nothing to do. */
export const PLACES = ["owner", "box", "reach", "certificate", "room", "call", "done"] as const;
export type Place = (typeof PLACES)[number];

/** What counts: all but the end. */
export const COUNTED = PLACES.length - 1;

export function placeOf(text: string | undefined): Place | null {
  return PLACES.find((place) => place === text) ?? null;
}

export function stateOf(view: SetupView, place: Place): StepState {
  if (place === "owner") return "done";
  if (place === "done") return openSteps(view).length === 0 ? "done" : "open";
  return view.steps.find(({ step }) => step === place)?.state ?? "open";
}

export function openSteps(view: SetupView): SetupStep[] {
  return view.steps.filter(({ state }) => state === "open").map(({ step }) => step);
}

/** How many of `COUNTED` are done; what was left out is not. */
export function countDone(view: SetupView): number {
  return 1 + view.steps.filter(({ state }) => state === "done").length;
}

/** Where somebody who comes back goes on. */
export function firstOpen(view: SetupView): Place {
  return openSteps(view)[0] ?? "done";
}

export function before(place: Place): Place | null {
  return PLACES[PLACES.indexOf(place) - 1] ?? null;
}

export function after(place: Place): Place {
  return PLACES[PLACES.indexOf(place) + 1] ?? "done";
}

/** The reminder is for those who have something to do and want to hear of it. */
export function reminds(view: SetupView): boolean {
  return !view.dismissed && openSteps(view).length > 0;
}
