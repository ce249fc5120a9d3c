// Numbers and times as people read them. Pure: the language and "now" are arguments.

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** 1.5 GB, 820 MB, 12 kB: decimal units, as disks are sold. */
export function bytes(value: number, language: string): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 100 ? 0 : 1;
  return `${number(scaled, language, digits)}\u00a0${BYTE_UNITS[unit]}`;
}

/** Bytes a second as the bit rate that network people expect. */
export function bitRate(bytesPerSecond: number, language: string): string {
  const bits = bytesPerSecond * 8;
  if (bits >= 999_500_000) return `${number(bits / 1e9, language, 1)}\u00a0Gbit/s`;
  if (bits >= 999_500) return `${number(bits / 1e6, language, 1)}\u00a0Mbit/s`;
  return `${number(bits / 1e3, language, 0)}\u00a0kbit/s`;
}

export function number(value: number, language: string, digits: number): string {
  return new Intl.NumberFormat(language, {
    minimumFractionDigits: 0,
    maximumFractionDigits: digits,
  }).format(value);
}

export function percent(value: number, language: string): string {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(
    value / 100,
  );
}

/** 0:07, 12:34, 1:02:03 */
export function clock(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`
    : `${minutes}:${seconds}`;
}

const SPANS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

function spanOf(seconds: number): [number, Intl.RelativeTimeFormatUnit] {
  for (const [unit, length] of SPANS) {
    if (seconds >= length) return [Math.round(seconds / length), unit];
  }
  return [0, "second"];
}

/** "9 days", "3 hours": one unit is enough to act on. */
export function span(seconds: number, language: string): string {
  const [count, unit] = spanOf(Math.max(0, seconds));
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(
    count,
  );
}

/** "5 minutes ago", "yesterday" */
export function relative(at: string, now: number, language: string): string {
  const seconds = Math.round((now - Date.parse(at)) / 1000);
  const [count, unit] = spanOf(Math.abs(seconds));
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  return format.format(seconds >= 0 ? -count : count, unit);
}

/** "in 9 days"; "3 days ago" when negative. Languages that decline need the whole phrase. */
export function ahead(seconds: number, language: string): string {
  const [count, unit] = spanOf(Math.abs(seconds));
  return new Intl.RelativeTimeFormat(language).format(seconds < 0 ? -count : count, unit);
}

export function dateTime(at: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(at),
  );
}

/** 14:20; with its day if that is not today. */
export function hour(at: string, now: number, language: string): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date(now).toDateString();
  const day = today ? {} : ({ day: "numeric", month: "short" } as const);
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", ...day }).format(date);
}

export function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(100, Math.max(0, (part / whole) * 100)) : 0;
}
