// The library's address: what is looked for, and how it is shown; and the days of a month. Pure.
import type { RecordingState } from "./api/schema";

export const STATES = [
  "recording",
  "captured",
  "ready",
  "parked",
  "empty",
] as const satisfies RecordingState[];

/** What is looked for; empty: everything. Dates are days here (2026-11-28), both included. */
export interface Filter {
  text: string;
  room: string;
  state: RecordingState | "";
  from: string;
  to: string;
}

export interface Shown {
  view: "list" | "calendar";
  /** 2026-11; empty: this month. */
  month: string;
  filter: Filter;
}

export const EVERYTHING: Filter = { text: "", room: "", state: "", from: "", to: "" };
/** The box refuses more. */
export const LONGEST_TEXT = 200;

/** What an address says; what makes no sense in it is left out. */
export function shownOf(search: string): Shown {
  const asked = new URLSearchParams(search);
  const get = (name: string) => asked.get(name) ?? "";
  const day = (name: string) => (startOf(get(name)) ? get(name) : "");
  const state = STATES.find((one) => one === get("state")) ?? "";
  return {
    view: get("view") === "calendar" ? "calendar" : "list",
    month: startOf(`${get("month")}-01`) ? get("month") : "",
    filter: {
      text: [...get("text")].slice(0, LONGEST_TEXT).join(""),
      room: [...get("room")].slice(0, LONGEST_TEXT).join(""),
      state,
      from: day("from"),
      to: day("to"),
    },
  };
}

/** The address of it, from its question mark on; what is as always is left out. */
export function searchOf({ view, month, filter }: Shown): string {
  const asked = new URLSearchParams();
  if (view === "calendar") asked.set("view", view);
  if (view === "calendar" && month) asked.set("month", month);
  for (const [name, value] of Object.entries(filter)) if (value) asked.set(name, value);
  const text = asked.toString();
  return text === "" ? "" : `?${text}`;
}

/** How many filters beside the words narrow it. */
export function narrowing({ room, state, from, to }: Filter): number {
  return [room, state, from || to].filter((one) => one !== "").length;
}

/** When a day begins here; null: there is no such day. */
export function startOf(day: string): Date | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day)?.map(Number) ?? [];
  if (year === undefined || month === undefined || date === undefined) return null;
  const start = new Date(year, month - 1, date);
  const real = start.getMonth() === month - 1 && start.getDate() === date;
  return real && year >= 1970 ? start : null;
}

/** 2026-11-28 */
export function dayOf(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The day that is so many days later. Not 24 hours: some days have 23 or 25. */
export function daysLater(date: Date, days: number): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
}

/** The month (2026-11) that is so many months later. */
export function monthsLater(month: string, months: number): string {
  const start = startOf(`${month}-01`) ?? new Date();
  return dayOf(new Date(start.getFullYear(), start.getMonth() + months, 1)).slice(0, 7);
}

/** What the box is asked for. A range that ends before it begins is turned round. */
export function askedFor(filter: Filter): URLSearchParams {
  const asked = new URLSearchParams();
  const { text, room, state } = filter;
  for (const [name, value] of Object.entries({ text: text.trim(), room, state })) {
    if (value) asked.set(name, value);
  }
  const backwards = filter.from && filter.to && filter.from > filter.to;
  const [first, last] = backwards ? [filter.to, filter.from] : [filter.from, filter.to];
  const from = startOf(first);
  const to = startOf(last);
  if (from) asked.set("from", from.toISOString());
  if (to) asked.set("to", daysLater(to, 1).toISOString());
  return asked;
}

/** The weeks that a calendar shows of a month, from Monday to Sunday. */
export function weeksOf(month: string): Date[][] {
  const first = startOf(`${month}-01`) ?? new Date();
  const monday = daysLater(first, -((first.getDay() + 6) % 7));
  const weeks: Date[][] = [];
  for (let day = monday; weeks.length === 0 || day.getMonth() === first.getMonth(); ) {
    const week = [0, 1, 2, 3, 4, 5, 6].map((later) => daysLater(day, later));
    weeks.push(week);
    day = daysLater(day, 7);
  }
  return weeks;
}

/** When each of these days begins, and when the last one ends. */
export function startsOf(weeks: Date[][]): string[] {
  const days = weeks.flat();
  const last = days.at(-1);
  return [...days, ...(last ? [daysLater(last, 1)] : [])].map((day) => day.toISOString());
}

/** The day to which a key leads from this one; null: it leads nowhere. */
export function dayByKey(key: string, day: Date): Date | null {
  const weekday = (day.getDay() + 6) % 7;
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -7,
    ArrowDown: 7,
    Home: -weekday,
    End: 6 - weekday,
  };
  const step = steps[key];
  if (step !== undefined) return daysLater(day, step);
  const months = key === "PageUp" ? -1 : key === "PageDown" ? 1 : 0;
  if (months === 0) return null;
  // The 31st leads to the last day of a shorter month.
  const last = new Date(day.getFullYear(), day.getMonth() + months + 1, 0).getDate();
  return new Date(day.getFullYear(), day.getMonth() + months, Math.min(day.getDate(), last));
}
