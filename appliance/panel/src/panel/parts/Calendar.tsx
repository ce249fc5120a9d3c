// A month of recordings: a grid of days where there is room, else the days that have some.
import { Button, Group, Paper, Skeleton, Stack, Text, Title, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconCalendarOff, IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Day, DayEntry } from "../../api/schema";
import {
  askedFor,
  dayByKey,
  dayOf,
  monthsLater,
  searchOf,
  startsOf,
  weeksOf,
  type Filter,
} from "../../library";
import { useFormat } from "../wording";
import { EmptyState } from "./EmptyState";
import { Failure } from "./Failure";

interface CalendarProps {
  /** 2026-11; empty: this month. */
  month: string;
  filter: Filter;
  turn: (month: string) => void;
  open: (day: string) => void;
}

export function Calendar({ month, filter, turn, open }: CalendarProps) {
  const { t } = useTranslation("panel");
  const { language } = useFormat();
  const today = dayOf(new Date());
  const shown = month || today.slice(0, 7);
  const weeks = weeksOf(shown);
  const starts = startsOf(weeks);
  const asked = askedFor({ ...filter, from: "", to: "" }).toString();
  const days = useQuery({
    queryKey: keys.recordedDays(starts, asked),
    queryFn: () => api.recordedDays(starts, asked),
  });
  const wide = useMediaQuery("(min-width: 48em)", true, { getInitialValueInEffect: false });
  const name = new Intl.DateTimeFormat(language, { month: "long", year: "numeric" });
  const found = new Map((days.data?.items ?? []).map((day, at) => [dayOf(weeks.flat()[at] ?? new Date(0)), day]));
  const none = days.data && ![...found].some(([day, { count }]) => count > 0 && day.startsWith(shown));

  return (
    <section aria-label={t("library.calendar")}>
      <Group justify="space-between" mb="sm" gap="xs">
        <Title order={2} size="h4" aria-live="polite">
          {name.format(new Date(`${shown}-15T12:00`))}
        </Title>
        <Group gap="xs">
          <Button variant="default" px="xs" aria-label={t("calendar.before")} onClick={() => turn(monthsLater(shown, -1))}>
            <IconChevronLeft size={18} aria-hidden />
          </Button>
          <Button variant="default" disabled={shown === today.slice(0, 7)} onClick={() => turn("")}>
            {t("calendar.today")}
          </Button>
          <Button variant="default" px="xs" aria-label={t("calendar.after")} onClick={() => turn(monthsLater(shown, 1))}>
            <IconChevronRight size={18} aria-hidden />
          </Button>
        </Group>
      </Group>
      {days.error && <Failure error={days.error} retry={() => void days.refetch()} />}
      {days.isPending && !wide && <Skeleton height={420} radius="lg" />}
      {/* Also before its names are there: a key that leads to another month keeps its focus. */}
      {wide && (
        <Grid shown={shown} today={today} weeks={weeks} found={found} turn={turn} open={open} />
      )}
      {days.data && !wide && !none && <Agenda shown={shown} found={found} filter={filter} />}
      {none && !wide && (
        <EmptyState icon={IconCalendarOff} title={t("calendar.month_none")} text={t("calendar.month_none_text")} />
      )}
    </section>
  );
}

interface GridProps {
  shown: string;
  today: string;
  weeks: Date[][];
  found: Map<string, Day>;
  turn: (month: string) => void;
  open: (day: string) => void;
}

/** One stop of the Tab key; arrows lead from day to day (WAI-ARIA's grid pattern). */
function Grid({ shown, today, weeks, found, turn, open }: GridProps) {
  const { t } = useTranslation("panel");
  const { language } = useFormat();
  const grid = useRef<HTMLTableElement>(null);
  const [chosen, choose] = useState(today);
  const moved = useRef(false);
  const first = `${shown}-01`;
  const current = chosen.startsWith(shown) ? chosen : today.startsWith(shown) ? today : first;
  useEffect(() => {
    // Only after a key: a page that loads leaves the focus where it is.
    if (!moved.current) return;
    moved.current = false;
    grid.current?.querySelector<HTMLElement>(`[data-day="${current}"]`)?.focus();
  });
  const follow = (event: KeyboardEvent, day: Date) => {
    const next = dayByKey(event.key, day);
    if (!next) return;
    event.preventDefault();
    moved.current = true;
    choose(dayOf(next));
    if (!dayOf(next).startsWith(shown)) turn(dayOf(next).slice(0, 7));
  };
  const weekday = (style: "short" | "long") => new Intl.DateTimeFormat(language, { weekday: style });
  const long = new Intl.DateTimeFormat(language, { dateStyle: "full" });

  return (
    <Paper className="surface" p="xs">
      <table className="calendar" role="grid" ref={grid} aria-label={t("library.calendar")}>
        <thead>
          <tr>
            {weeks[0]?.map((day) => (
              <th key={day.getDay()} scope="col" abbr={weekday("long").format(day)}>
                {weekday("short").format(day)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={dayOf(week[0] ?? new Date(0))}>
              {week.map((day) => {
                const key = dayOf(day);
                const count = found.get(key)?.count ?? 0;
                const words = { day: long.format(day), count };
                return (
                  <td key={key} role="gridcell" data-outside={key.startsWith(shown) ? undefined : true}>
                    <UnstyledButton
                      className="calendar-day"
                      data-day={key}
                      data-has={count > 0 || undefined}
                      tabIndex={key === current ? 0 : -1}
                      aria-current={key === today ? "date" : undefined}
                      onKeyDown={(event) => follow(event, day)}
                      onFocus={() => choose(key)}
                      onClick={() => open(key)}
                    >
                      <VisuallyHidden>
                        {count === 0 ? t("calendar.day_none", words) : t("calendar.day", words)}
                      </VisuallyHidden>
                      <span className="calendar-number" aria-hidden>
                        {day.getDate()}
                      </span>
                      <Names day={found.get(key)} />
                    </UnstyledButton>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Paper>
  );
}

/** So many names fit into a day. */
const NAMED = 2;

function Names({ day }: { day: Day | undefined }) {
  const { t } = useTranslation("panel");
  const time = useTime();
  if (!day || day.count === 0) return null;
  const others = day.count - Math.min(NAMED, day.items.length);
  return (
    <span aria-hidden className="calendar-names">
      {day.items.slice(0, NAMED).map((one) => (
        <span key={one.id} className="calendar-name">
          <span className="calendar-time">{time(one)}</span> {nameOf(one)}
        </span>
      ))}
      {others > 0 && <span className="calendar-more">{t("calendar.more", { count: others })}</span>}
    </span>
  );
}

/** A title that nobody changed says the room and a time in UTC: here the room is enough. */
function nameOf(recording: DayEntry): string {
  const made = `${recording.room_name} · ${recording.started_at.slice(0, 16).replace("T", " ")}`;
  return recording.title === made ? recording.room_name : recording.title;
}

function useTime() {
  const { language } = useFormat();
  const time = new Intl.DateTimeFormat(language, { timeStyle: "short" });
  return (recording: DayEntry) => time.format(new Date(recording.started_at));
}

interface AgendaProps {
  shown: string;
  found: Map<string, Day>;
  filter: Filter;
}

function Agenda({ shown, found, filter }: AgendaProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const time = useTime();
  const long = new Intl.DateTimeFormat(format.language, { weekday: "long", day: "numeric", month: "long" });
  const days = [...found].filter(([day, { count }]) => count > 0 && day.startsWith(shown)).reverse();
  return (
    <Stack gap="md">
      {days.map(([key, day]) => {
        const all = { view: "list", month: "", filter: { ...filter, from: key, to: key } } as const;
        return (
          <Paper key={key} className="surface" p="sm" component="section">
            <Title order={3} size="h5" mb={4}>
              {long.format(new Date(`${key}T12:00`))}
            </Title>
            <ul className="agenda">
              {day.items.map((one) => (
                <li key={one.id}>
                  <Link href={`/recordings/${one.id}`} className="agenda-entry">
                    <Text span c="dimmed">{time(one)}</Text>
                    <span className="agenda-name">{nameOf(one)}</span>
                    <Text span c="dimmed" size="sm">{format.clock(one.duration_ms)}</Text>
                  </Link>
                </li>
              ))}
              {day.count > day.items.length && (
                <li>
                  <Link href={`/recordings${searchOf(all)}`} className="agenda-entry">
                    <span />
                    {t("calendar.more", { count: day.count - day.items.length })}
                  </Link>
                </li>
              )}
            </ul>
          </Paper>
        );
      })}
    </Stack>
  );
}
