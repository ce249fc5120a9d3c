// Is everything fine? What needs somebody first, then what is on, what comes, what the box works at, its disk.
import { Anchor, Badge, Box, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconActivity, IconDoor, IconUsers, IconVideo } from "@tabler/icons-react";
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView, Recording, Room, ScheduledEvent } from "../../api/schema";
import { comingEvents, copiesOf, liveRooms, openAlarms, workOf } from "../../home";
import { Elapsed } from "../parts/Ago";
import { Sentence, StandingAlarm, useHealth } from "../parts/Alarms";
import { DiskBar } from "../parts/DiskBar";
import { EmptyState } from "../parts/EmptyState";
import { Failure } from "../parts/Failure";
import { ForecastPlot } from "../parts/ForecastPlot";
import { Heading } from "../parts/Heading";
import { JobProgress } from "../parts/JobProgress";
import { RecordingTime } from "../parts/RecordingTime";
import { useNow } from "../now";
import { useMay } from "../session";
import { SetupReminder } from "../setup/SetupReminder";
import { useFormat } from "../wording";

/** What no event tells of: rates, estimates, and what begins by the clock alone. */
const LOOK_AGAIN_MS = 30_000;
/** A recording grows all the time. */
const GROWTH_MS = 5_000;
const DAY_MS = 86_400_000;
const EVENTS = 4;
const FILMS = 3;

export function HomePage({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const may = useMay();
  const rooms = useQuery({ queryKey: keys.rooms, queryFn: api.rooms });
  return (
    <>
      <Heading title={t("nav.home")}>
        {/* On a phone no other place leads there. */}
        <Button
          component={Link}
          href="/status"
          variant="default"
          size="xs"
          leftSection={<IconActivity size={16} aria-hidden />}
        >
          {t("home.status")}
        </Button>
      </Heading>
      {may("configure") && <NeedsSomebody />}
      <SetupReminder />
      <Stack gap="md">
        {rooms.data?.items.length === 0 && <FirstRoom />}
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Now rooms={rooms} />
          <Next />
          <WorkSection />
          <Software box={box} />
        </SimpleGrid>
        <DiskSection />
      </Stack>
    </>
  );
}

function Section({ title, to, more, children }: { title: string; to: string; more: string; children: ReactNode }) {
  return (
    <Paper className="surface" p="md" component="section">
      <Group justify="space-between" gap="xs" mb="sm">
        <Title order={2} size="h4">
          {title}
        </Title>
        <Anchor component={Link} href={to} size="sm" className="file-link">
          {more}
        </Anchor>
      </Group>
      {children}
    </Paper>
  );
}

/** The parts of one answer of the box: on its way, refused, there. */
function Answer<T>({ of, children }: { of: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (of.error) return <Failure error={of.error} retry={() => void of.refetch()} />;
  if (of.data === undefined) return <Skeleton height={72} radius="md" />;
  return children(of.data);
}

function NeedsSomebody() {
  const { t } = useTranslation("panel");
  const health = useHealth();
  return (
    <Paper className="surface" p="md" mb="md" component="section" aria-label={t("health.title")}>
      <Answer of={health}>
        {(view) => (
          <Stack gap="sm">
            <Group justify="space-between" gap="sm">
              <Sentence health={view} />
              <Button component={Link} href="/status/health" variant="default" size="xs">
                {t("health.open")}
              </Button>
            </Group>
            {openAlarms(view.items).map((alarm) => (
              <StandingAlarm key={alarm.id} alarm={alarm} />
            ))}
          </Stack>
        )}
      </Answer>
    </Paper>
  );
}

function FirstRoom() {
  const { t } = useTranslation("panel");
  const makes = useMay()("run_rooms");
  return (
    <EmptyState icon={IconDoor} title={t("home.first")} text={t(makes ? "home.first_text" : "home.first_wait")}>
      {makes && (
        <Button component={Link} href="/rooms">
          {t("home.first_go")}
        </Button>
      )}
    </EmptyState>
  );
}

function Now({ rooms }: { rooms: UseQueryResult<{ items: Room[] }> }) {
  const { t } = useTranslation("panel");
  const running = useQuery({
    // Not that of the page of recordings, which keeps pages of pages under it.
    queryKey: [...keys.recordingsListed, "now"],
    queryFn: () => api.recordings("state=recording", null),
    refetchInterval: (query) => ((query.state.data?.items.length ?? 0) > 0 ? GROWTH_MS : false),
  });
  return (
    <Section title={t("home.now")} to="/rooms" more={t("home.now_all")}>
      <Answer of={rooms}>
        {({ items }) => {
          const live = liveRooms(items);
          if (live.length === 0) return <Text c="dimmed">{t("home.now_none")}</Text>;
          return (
            <Stack gap="md" component="ul" className="plain-list">
              {live.map((room) => (
                <LiveRoom
                  key={room.id}
                  room={room}
                  recording={running.data?.items.find(({ id }) => id === room.meeting?.recording?.id)}
                />
              ))}
            </Stack>
          );
        }}
      </Answer>
    </Section>
  );
}

function LiveRoom({ room, recording }: { room: Room; recording: Recording | undefined }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const meeting = room.meeting;
  if (!meeting) return null;
  return (
    <Group component="li" justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
      <Stack gap={4} miw={0}>
        <Link href={`/rooms/${room.id}`} className="plain home-name">
          <Name>{room.name}</Name>
        </Link>
        <Group gap="xs">
          <Badge variant="light" size="lg" tt="none" leftSection={<IconUsers size={14} aria-hidden />}>
            {t("rooms.people", { count: meeting.participants })}
          </Badge>
          {meeting.recording ? (
            <RecordingTime since={meeting.recording.started_at} paused={meeting.recording.paused} />
          ) : (
            <Text size="sm" c="dimmed">
              {t("rooms.meeting_for")} <Elapsed since={meeting.started_at} />
            </Text>
          )}
        </Group>
        {recording && (
          <Text size="sm" c="dimmed">
            {t("home.written", { size: format.bytes(recording.bytes) })}
            {recording.gaps > 0 && ` · ${t("home.gaps", { count: recording.gaps })}`}
          </Text>
        )}
      </Stack>
      <Button
        component="a"
        href={`/meet/${room.id}`}
        target="_blank"
        rel="noopener"
        size="xs"
        style={{ flex: "none" }}
        leftSection={<IconVideo size={16} aria-hidden />}
        aria-label={t("rooms.named", { action: t("rooms.join"), name: room.name })}
      >
        {t("rooms.join")}
      </Button>
    </Group>
  );
}

function Next() {
  const { t } = useTranslation("panel");
  const now = useNow();
  const today = new Date(now).setHours(0, 0, 0, 0);
  const stretch = [today, today + 8 * DAY_MS].map((time) => new Date(time).toISOString()) as [string, string];
  const schedule = useQuery({
    queryKey: [...keys.schedule, "coming", ...stretch],
    queryFn: () => api.schedule(...stretch),
    refetchInterval: LOOK_AGAIN_MS,
  });
  return (
    <Section title={t("home.next")} to="/schedule" more={t("home.next_all")}>
      <Answer of={schedule}>
        {({ items }) => {
          const coming = comingEvents(items, now, EVENTS);
          if (coming.length === 0) return <Text c="dimmed">{t("home.next_none")}</Text>;
          return (
            <Stack gap="sm" component="ul" className="plain-list">
              {coming.map((event) => (
                <Coming key={event.id} event={event} now={now} />
              ))}
            </Stack>
          );
        }}
      </Answer>
    </Section>
  );
}

function Coming({ event, now }: { event: ScheduledEvent; now: number }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const starts = Date.parse(event.starts_at);
  return (
    <li>
      <Text className="home-name"><Name>{event.title}</Name></Text>
      <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        {t("home.from_to", { from: format.dateTime(event.starts_at), to: format.hour(event.ends_at) })} ·{" "}
        {starts > now ? format.ahead((starts - now) / 1000) : t("home.going_on")} · <Name>{event.room_name}</Name>
        {event.overlaps && ` · ${t("home.overlaps")}`}
      </Text>
    </li>
  );
}

function WorkSection() {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const may = useMay();
  const jobs = useQuery({ queryKey: keys.jobs, queryFn: api.jobs, refetchInterval: LOOK_AGAIN_MS });
  const targets = useQuery({ queryKey: keys.targets, queryFn: api.targets, enabled: may("configure") });
  const copies = copiesOf(targets.data?.items ?? []);
  return (
    <Section title={t("home.work")} to="/recordings" more={t("home.work_all")}>
      {may("configure") && targets.error && (
        <Box mb="sm">
          <Failure error={targets.error} retry={() => void targets.refetch()} />
        </Box>
      )}
      <Answer of={jobs}>
        {({ items }) => {
          const { shown, more, parked } = workOf(items, FILMS);
          const quiet = shown.length + parked + copies.waiting + copies.givenUp === 0;
          // Of copies nothing is said where nothing is known of them.
          if (quiet) return <Text c="dimmed">{t(targets.data ? "home.work_none" : "home.films_none")}</Text>;
          return (
            <Stack gap="md">
              {shown.map((job) => (
                <JobProgress key={job.id} job={job} titled />
              ))}
              {more > 0 && <Text size="sm">{t("home.more_films", { count: more })}</Text>}
              {parked > 0 && (
                <Text size="sm" c="var(--mantine-color-error)">
                  {t("home.parked", { count: parked })}
                </Text>
              )}
              {copies.waiting > 0 && (
                <Text size="sm">
                  {t("home.copies", {
                    count: copies.waiting,
                    shown: format.number(copies.waiting),
                    size: format.bytes(copies.bytes),
                  })}
                </Text>
              )}
              {copies.givenUp > 0 && (
                <Text size="sm" c="var(--mantine-color-error)">
                  {t("home.given_up", { count: copies.givenUp })}{" "}
                  <Anchor component={Link} href="/settings?find=targets.title" size="sm" underline="always">
                    {t("home.targets")}
                  </Anchor>
                </Text>
              )}
            </Stack>
          );
        }}
      </Answer>
    </Section>
  );
}

function Software({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const may = useMay();
  const updates = useQuery({ queryKey: keys.updates, queryFn: api.updates, enabled: may("update") });
  const { now, channel } = updates.data ?? {};
  const offer = now?.state === "idle" ? channel?.offer : null;
  const to = may("update") ? "/settings/updates" : "/status";
  return (
    <Section title={t("home.software")} to={to} more={t(may("update") ? "updates.open" : "home.status")}>
      <Stack gap={4}>
        <Text>{t("home.version", { version: updates.data?.version ?? box.version })}</Text>
        {now?.state === "installed" && <Text fw={500}>{t("home.update_ready")}</Text>}
        {offer && <Text fw={500}>{t("home.update_offer", { version: offer.version })}</Text>}
      </Stack>
    </Section>
  );
}

function DiskSection() {
  const { t } = useTranslation("panel");
  const status = useQuery({ queryKey: keys.status, queryFn: api.status });
  const storage = useQuery({ queryKey: keys.storage, queryFn: api.storage, refetchInterval: LOOK_AGAIN_MS });
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" style={{ alignItems: "start" }}>
      <Answer of={status}>{({ disk, recorder_drops }) => <DiskBar disk={disk} dropped={recorder_drops} />}</Answer>
      <Section title={t("home.forecast")} to="/recordings/storage" more={t("home.storage")}>
        <Answer of={storage}>{(report) => <ForecastPlot report={report} of="week" />}</Answer>
      </Section>
    </SimpleGrid>
  );
}
