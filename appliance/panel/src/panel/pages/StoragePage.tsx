// The disk of recordings: what fills it, when it will be full, what goes next.
import { Alert, Anchor, Button, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconClockQuestion, IconCloudUpload, IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { StorageReport } from "../../api/schema";
import { partsOf, type Part } from "../../forecast";
import { share } from "../../format";
import { useNow } from "../now";
import { Detail } from "../parts/Detail";
import { ForecastPlot } from "../parts/ForecastPlot";
import { Heading } from "../parts/Heading";
import { StateBadge } from "../parts/StateBadge";
import { useMay } from "../session";
import { useFormat } from "../wording";

/** The rate changes while somebody looks at it. */
const LOOK_AGAIN_MS = 10_000;

/** So many of what goes next are named; the day comes for the others. */
const NEXT = 5;

const FILLS: Record<Part["name"], string> = {
  tracks: "var(--plot-line)",
  films: "var(--plot-other)",
  other: "var(--mantine-color-gray-6)",
  free: "var(--panel-ground)",
  reserve:
    "repeating-linear-gradient(-45deg, var(--mantine-color-gray-6) 0 3px, var(--panel-ground) 3px 7px)",
};

export function StoragePage() {
  const query = useQuery({
    queryKey: keys.storage,
    queryFn: api.storage,
    refetchInterval: LOOK_AGAIN_MS,
  });
  return (
    <Detail of="recordings" query={query} height={480}>
      {(report) => <StorageView report={report} />}
    </Detail>
  );
}

function StorageView({ report }: { report: StorageReport }) {
  const may = useMay();
  const { t } = useTranslation("panel");
  return (
    <>
      <Heading title={t("storage.title")} lead={t("storage.lead")} />
      <Stack gap="md">
        <Bar report={report} />
        <Section title={t("storage.forecast")}>
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xl" verticalSpacing="lg">
            <ForecastPlot report={report} of="now" />
            <ForecastPlot report={report} of="week" />
          </SimpleGrid>
          {report.overwrite_oldest && (
            <Text mt="sm" size="sm" c="dimmed">
              {t("storage.overwrites")}
            </Text>
          )}
        </Section>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" style={{ alignItems: "start" }}>
          <Largest report={report} />
          <Next report={report} />
        </SimpleGrid>
        {may("configure") && (
          <Section title={t("storage.copies")}>
            <Group justify="space-between" gap="sm">
              <Text>{t("storage.copies_text")}</Text>
              <Button
                component={Link}
                href="/settings"
                variant="default"
                leftSection={<IconCloudUpload size={18} aria-hidden />}
              >
                {t("storage.copies_go")}
              </Button>
            </Group>
          </Section>
        )}
      </Stack>
    </>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function Bar({ report }: { report: StorageReport }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const parts = partsOf(report);
  const name = (part: Part) => t(`storage.parts.${part.name}`);
  const words = parts.map((part) => `${name(part)} ${format.bytes(part.bytes)}`).join(", ");
  return (
    <Section title={t("storage.disk")}>
      <div className="disk-bar" role="img" aria-label={words}>
        {parts.map((part) => (
          <span
            key={part.name}
            style={{
              width: `${share(part.bytes, report.total_bytes)}%`,
              background: FILLS[part.name],
            }}
          />
        ))}
      </div>
      <Group gap="md" mt="sm">
        {parts.map((part) => (
          <Group key={part.name} gap={6} wrap="nowrap">
            <span
              className="legend-swatch"
              style={{ background: FILLS[part.name], border: "1px solid var(--panel-line)" }}
            />
            <Text size="sm">
              {name(part)}{" "}
              <Text span c="dimmed">
                {format.bytes(part.bytes)}
              </Text>
            </Text>
          </Group>
        ))}
      </Group>
      <Text mt="sm" size="sm" c="dimmed">
        {t("storage.reserve_text")}
      </Text>
    </Section>
  );
}

function Largest({ report }: { report: StorageReport }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const most = Math.max(1, ...report.largest.map((one) => one.tracks_bytes + one.films_bytes));
  return (
    <Section title={t("storage.largest")}>
      {report.largest.length === 0 && <Text c="dimmed">{t("storage.largest_none")}</Text>}
      <ul className="ranked">
        {report.largest.map((one) => (
          <li key={one.recording}>
            <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
              <Anchor component={Link} href={`/recordings/${one.recording}`} className="ranked-name">
                <Name>{one.title}</Name>
              </Anchor>
              <Group gap="xs" wrap="nowrap">
                {one.held && (
                  <StateBadge look={{ icon: IconLock, color: "gray" }} word={t("retention.held")} />
                )}
                <Text fw={500}>{format.bytes(one.tracks_bytes + one.films_bytes)}</Text>
              </Group>
            </Group>
            <div className="ranked-bar" aria-hidden>
              <span style={{ width: `${share(one.tracks_bytes, most)}%`, background: FILLS.tracks }} />
              <span style={{ width: `${share(one.films_bytes, most)}%`, background: FILLS.films }} />
            </div>
            <Text size="sm" c="dimmed">
              {t("storage.takes", {
                tracks: format.bytes(one.tracks_bytes),
                films: format.bytes(one.films_bytes),
              })}
            </Text>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Next({ report }: { report: StorageReport }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const now = useNow();
  const { keep_days, keep_newest, keep_newest_of_room, overwrite_oldest, clock_doubt } = report;
  const { next } = report;
  const days = t("storage.days", { count: keep_days });
  const why = (reason: string, at: string | null) => {
    if (reason === "count") return t("newest.next");
    if (at === null) return t("storage.next_space");
    if (Date.parse(at) <= now) return t("storage.next_age_due", { days });
    return t("storage.next_age", { when: format.dateTime(at), days });
  };
  const never = keep_days + keep_newest + keep_newest_of_room === 0 && !overwrite_oldest;
  return (
    <Section title={t("storage.next")}>
      {clock_doubt && (
        <Alert
          mb="sm"
          color="yellow"
          icon={<IconClockQuestion aria-hidden />}
          title={t("retention.waits_title")}
        >
          {t(`retention.waits.${clock_doubt}`)}
        </Alert>
      )}
      {next.length === 0 && (
        <Text>{never ? t("storage.next_none") : t("storage.next_none_yet")}</Text>
      )}
      <ul className="ranked">
        {next.slice(0, NEXT).map((one) => (
          <li key={one.recording}>
            <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
              <Anchor component={Link} href={`/recordings/${one.recording}`} className="ranked-name">
                <Name>{one.title}</Name>
              </Anchor>
              <Text fw={500}>{format.bytes(one.bytes)}</Text>
            </Group>
            <Text size="sm" c="dimmed">
              {why(one.reason, one.at)}
            </Text>
          </li>
        ))}
      </ul>
      <Anchor component={Link} href="/settings" size="sm" mt="sm" display="inline-block">
        {t("storage.settings")}
      </Anchor>
    </Section>
  );
}
