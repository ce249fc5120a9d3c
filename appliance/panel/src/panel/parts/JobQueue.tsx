// Films that are being made and that wait, as bars on an axis of time, and those that need a decision.
import { Alert, Anchor, Paper, Stack, Text, Title } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Job } from "../../api/schema";
import { queueOf, type Queue } from "../../queue";
import { useNow } from "../now";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { JobProgress } from "./JobProgress";

/** Estimates of those that wait change without an event. */
const LOOK_AGAIN_MS = 15_000;
/** Bars at once; the list below has all. */
const DRAWN = 12;

export function JobQueue() {
  const { t } = useTranslation("panel");
  const jobs = useQuery({ queryKey: keys.jobs, queryFn: api.jobs, refetchInterval: LOOK_AGAIN_MS });
  const may = useMay();
  const settings = useQuery({ queryKey: keys.settings, queryFn: api.settings, enabled: may("configure") });
  const fleet = useQuery({ queryKey: keys.fleet, queryFn: api.fleet, enabled: may("see_fleet") });
  const now = useNow();
  const items = jobs.data?.items ?? [];
  const queue = queueOf(items, now);
  const parked = items.filter((job) => job.state === "parked");
  const { mode = "both", lends = false } = settings.data?.recorder ?? {};
  const lent = lends && (fleet.data?.role ?? null) !== null;
  return (
    <>
      {mode !== "both" && <OneThingOnly mode={mode} lent={lent} />}
      {queue.bars.length > 0 && (
        <Section title={t("recordings.working", { count: queue.bars.length })}>
          <Picture queue={queue} />
          <List jobs={queue.bars.map((bar) => bar.job)} />
        </Section>
      )}
      {parked.length > 0 && (
        <Section title={t("queue.parked", { count: parked.length })}>
          <List jobs={parked} />
        </Section>
      )}
    </>
  );
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Paper className="surface" p="md" mb="md" component="section">
      <Title order={2} size="h5" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function List({ jobs }: { jobs: Job[] }) {
  return (
    <Stack gap="md">
      {jobs.map((job) => (
        <JobProgress key={job.id} job={job} titled />
      ))}
    </Stack>
  );
}

function OneThingOnly({ mode, lent }: { mode: "recorderOnly" | "transcoderOnly"; lent: boolean }) {
  const { t } = useTranslation("panel");
  const which = mode === "recorderOnly" ? "records_only" : "transcodes_only";
  const text = mode === "recorderOnly" && lent ? "records_only_lends" : (`${which}_text` as const);
  return (
    <Alert mb="md" icon={<IconInfoCircle aria-hidden />} title={t(`queue.${which}_title`)}>
      <Text size="sm">{t(`queue.${text}`)}</Text>
      <Anchor component={Link} href="/settings" size="sm">
        {t("queue.change")}
      </Anchor>
    </Alert>
  );
}

function Picture({ queue }: { queue: Queue }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const known = queue.bars.filter((bar) => bar.from !== null).slice(0, DRAWN);
  if (known.length === 0) return null;
  const at = (place: number) => `${place * 100}%`;
  const end = format.hour(new Date(queue.end).toISOString());
  return (
    <div className="queue" role="img" aria-label={t("queue.picture", { count: known.length, end })}>
      {known.map(({ job, from, to, deadline }) => (
        <div className="queue-row" key={job.id}>
          <span className="queue-name"><Name>{job.title}</Name></span>
          <span className="queue-lane">
            <span
              className={`queue-bar ${job.state}${job.late_by_s === null ? "" : " late"}`}
              style={{ insetInlineStart: at(from ?? 0), width: at((to ?? 0) - (from ?? 0)) }}
            />
            {deadline !== null && (
              <span className="queue-deadline" style={{ insetInlineStart: at(deadline) }} />
            )}
          </span>
        </div>
      ))}
      <div className="queue-row">
        <span className="queue-name" />
        <span className="queue-lane queue-axis">
          {queue.ticks.map((tick) => (
            <span
              key={tick.at}
              // The last one is named before its line: behind it there is no room.
              className={tick.place > 0.8 ? "before" : undefined}
              style={tick.place > 0.8 ? { insetInlineEnd: at(1 - tick.place) } : { insetInlineStart: at(tick.place) }}
            >
              {format.hour(new Date(tick.at).toISOString())}
            </span>
          ))}
        </span>
      </div>
    </div>
  );
}
