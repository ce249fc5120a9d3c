// A week: columns of days where there is room, else a list of the days that have something.
import { Button, Group, Paper, Stack, Text, Title, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconCalendarOff, IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useState, type CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import type { Feed, ScheduledEvent } from "../../api/schema";
import { hoursOf, stretchesOf, type Stretch } from "../../schedule";
import { useFormat } from "../wording";
import { EmptyState } from "./EmptyState";
import { PlannedDialog } from "./PlannedDialog";
import { ScheduleBadge } from "./ScheduleBadge";

interface WeekProps {
  /** Midnights, from Monday on. */
  week: Date[];
  later: number;
  turn: (later: number) => void;
  events: ScheduledEvent[];
  feeds: Feed[];
}

export function Week({ week, later, turn, events, feeds }: WeekProps) {
  const { t } = useTranslation("panel");
  const { language } = useFormat();
  const wide = useMediaQuery("(min-width: 62em)", true, { getInitialValueInEffect: false });
  const [opened, open] = useState<string | null>(null);
  const days = week.map((day) => stretchesOf(events, day));
  const none = days.every((day) => day.length === 0);
  const first = week[0] ?? new Date(0);
  const title = new Intl.DateTimeFormat(language, { dateStyle: "long" });
  const shown = events.find((event) => event.id === opened);

  return (
    <section aria-label={t("schedule.week")}>
      <Group justify="space-between" mb="sm" gap="xs">
        <Title order={2} size="h4" aria-live="polite">
          {t("schedule.week_of", { day: title.format(first) })}
        </Title>
        <Group gap="xs">
          <Button variant="default" px="xs" aria-label={t("schedule.before")} onClick={() => turn(later - 1)}>
            <IconChevronLeft size={18} aria-hidden />
          </Button>
          <Button variant="default" disabled={later === 0} onClick={() => turn(0)}>
            {t("schedule.today")}
          </Button>
          <Button variant="default" px="xs" aria-label={t("schedule.after")} onClick={() => turn(later + 1)}>
            <IconChevronRight size={18} aria-hidden />
          </Button>
        </Group>
      </Group>
      {none ? (
        <EmptyState
          icon={IconCalendarOff}
          title={t(later === 0 ? "schedule.empty" : "schedule.nothing")}
          text={t("schedule.empty_text")}
        />
      ) : wide ? (
        <Columns week={week} days={days} open={open} />
      ) : (
        <List week={week} days={days} open={open} />
      )}
      {shown && (
        <PlannedDialog
          event={shown}
          feed={feeds.find((feed) => feed.id === shown.feed)}
          close={() => open(null)}
        />
      )}
    </section>
  );
}

interface DaysProps {
  week: Date[];
  days: Stretch[][];
  open: (id: string) => void;
}

function isToday(day: Date): boolean {
  return day.toDateString() === new Date().toDateString();
}

function Columns({ week, days, open }: DaysProps) {
  const { language } = useFormat();
  const { from, to } = hoursOf(days);
  const name = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric" });
  const hours = Array.from({ length: to - from }, (_, n) => from + n);
  return (
    <Paper className="surface week" p="xs" style={{ "--hours": to - from } as CSSProperties}>
      <div className="week-hours" aria-hidden>
        {hours.map((hour) => (
          <span key={hour}>{String(hour).padStart(2, "0")}:00</span>
        ))}
      </div>
      {week.map((day, n) => (
        <section
          key={day.getTime()}
          className="week-day"
          aria-label={new Intl.DateTimeFormat(language, { dateStyle: "full" }).format(day)}
          data-today={isToday(day) || undefined}
        >
          <Text className="week-name" size="sm" fw={600} aria-hidden>
            {name.format(day)}
          </Text>
          <div className="week-column">
            {(days[n] ?? []).map((stretch) => (
              <Planned
                key={stretch.event.id}
                event={stretch.event}
                open={open}
                style={{
                  top: `calc(${(stretch.from / 60 - from).toFixed(4)} * var(--hour))`,
                  height: `calc(${((stretch.to - stretch.from) / 60).toFixed(4)} * var(--hour) - 2px)`,
                  left: `${(100 * stretch.lane) / stretch.lanes}%`,
                  width: `calc(${100 / stretch.lanes}% - 3px)`,
                }}
              />
            ))}
          </div>
        </section>
      ))}
    </Paper>
  );
}

function List({ week, days, open }: DaysProps) {
  const { language } = useFormat();
  const name = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
  return (
    <Stack gap="md">
      {week.map((day, n) => {
        const stretches = days[n] ?? [];
        return (
          stretches.length > 0 && (
            <section key={day.getTime()}>
              <Title order={3} size="h5" mb={6}>
                {name.format(day)}
              </Title>
              <Stack gap={6}>
                {stretches.map(({ event }) => (
                  <Planned key={event.id} event={event} open={open} />
                ))}
              </Stack>
            </section>
          )
        );
      })}
    </Stack>
  );
}

interface PlannedProps {
  event: ScheduledEvent;
  open: (id: string) => void;
  /** Where it stands in its day's column; absent: in a list. */
  style?: CSSProperties;
}

function Planned({ event, open, style }: PlannedProps) {
  const { t } = useTranslation("panel");
  const { language } = useFormat();
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
  const title = event.title || t("schedule.untitled");
  return (
    <UnstyledButton
      className="planned"
      data-state={event.state}
      data-overlaps={event.overlaps || undefined}
      data-in={style ? "column" : "list"}
      style={style}
      onClick={() => open(event.id)}
    >
      <Text size="sm" fw={600} lh="inherit">
        <Name>{title}</Name>
      </Text>
      <Text size="xs" lh="inherit">
        {clock.formatRange(new Date(event.starts_at), new Date(event.ends_at))}
      </Text>
      <Text size="xs" lh="inherit">
        <Name>{event.room_name}</Name>
      </Text>
      {style ? (
        <VisuallyHidden>{t(`schedule.state.${event.state}`)}</VisuallyHidden>
      ) : (
        <ScheduleBadge state={event.state} />
      )}
    </UnstyledButton>
  );
}
