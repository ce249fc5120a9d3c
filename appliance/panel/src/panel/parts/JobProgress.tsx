// One piece of rendering: how far, how fast, how long still, and what to do about it.
import { Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconArrowBarToUp, IconPlayerPlay, IconX } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Job, JobPatch } from "../../api/schema";
import { share } from "../../format";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { Confirm } from "./Confirm";
import { useReportFailure } from "./Failure";

interface JobProgressProps {
  job: Job;
  /** Name the recording, where the page does not already. */
  titled?: boolean;
}

export function JobProgress({ job, titled = false }: JobProgressProps) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const runs = useMay()("run_queue");
  const refresh = () => {
    void cache.invalidateQueries({ queryKey: keys.jobs });
    void cache.invalidateQueries({ queryKey: keys.recordings });
  };
  const [cancelling, cancel] = useDisclosure(false);
  const change = useMutation({
    mutationFn: (patch: JobPatch) => api.changeJob(job.id, patch),
    onSuccess: refresh,
    onError: report,
  });
  const retry = useMutation({
    mutationFn: () => api.retryJob(job.id),
    onSuccess: refresh,
    onError: report,
  });
  const active = job.state === "queued" || job.state === "running";
  const again = job.state === "parked" || job.state === "cancelled";
  const made = job.merges > 0 ? t("merge.job", { count: job.merges }) : t(`layout.${job.layout}`);
  const done = job.progress ? share(job.progress.done_ms, job.progress.total_ms) : 0;

  return (
    <Stack gap={6}>
      <Group justify="space-between" gap={4}>
        <Text fw={500} truncate flex="1 1 180px">
          {titled ? (
            <Link href={`/recordings/${job.recording_id}`} className="plain">
              <Name>{job.title}</Name>
            </Link>
          ) : (
            made
          )}
        </Text>
        {active && runs && (
          <Group gap={4} wrap="nowrap">
            {overtakes(job) && (
              <Button
                size="compact-sm"
                variant="subtle"
                loading={change.isPending}
                leftSection={<IconArrowBarToUp size={14} aria-hidden />}
                onClick={() => change.mutate({ next: true })}
              >
                {t("queue.next")}
              </Button>
            )}
            <Button
              size="compact-sm"
              variant="subtle"
              color="gray"
              leftSection={<IconX size={14} aria-hidden />}
              onClick={cancel.open}
            >
              {t("job.cancel")}
            </Button>
          </Group>
        )}
        {again && runs && (
          <Button
            size="compact-sm"
            variant="light"
            loading={retry.isPending}
            leftSection={<IconPlayerPlay size={14} aria-hidden />}
            onClick={() => retry.mutate()}
          >
            {t("job.retry")}
          </Button>
        )}
      </Group>
      {job.state === "running" && (
        <Progress
          value={done}
          size="md"
          aria-label={t("job.progress_of", { title: job.title })}
          transitionDuration={200}
        />
      )}
      <Text size="sm" c={job.state === "parked" ? "var(--mantine-color-error)" : "dimmed"}>
        <JobWords job={job} done={done} made={titled ? made : null} />
      </Text>
      <JobTimes job={job} />
      {job.state === "parked" && job.error && (
        <details>
          <Text component="summary" size="sm" style={{ cursor: "pointer" }}>
            {t("queue.log")}
          </Text>
          <pre className="job-log">{job.error}</pre>
        </details>
      )}
      <Confirm
        opened={cancelling}
        close={cancel.close}
        title={t("queue.cancel_title")}
        text={t("queue.cancel_text", { title: job.title })}
        action={t("queue.cancel_go")}
        run={() => api.cancelJob(job.id)}
        done={refresh}
      />
    </Stack>
  );
}

/** Whether others go before it that it could overtake. */
function overtakes({ state, next, waits }: Job): boolean {
  if (state !== "queued" || next || !waits) return false;
  return waits.before > 1 || waits.reason === "meetings" || waits.reason === "records_only";
}

/** `made`: what it makes, where the heading does not say so. */
function JobWords({ job, done, made }: { job: Job; done: number; made: string | null }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const layout = made === null ? [] : [made];
  if (job.state === "running" && job.progress) {
    const { speed, eta_s: eta, encoder } = job.progress;
    return [
      format.percent(done),
      t("job.speed", { speed: format.number(speed, speed < 1 ? 2 : 1) }),
      eta === null ? t("job.eta_unknown") : t("job.eta", { span: format.span(eta) }),
      ...(job.slowed ? [t("queue.slowed")] : []),
      ...madeOn(),
      ...layout,
      encoder,
    ].join(" · ");
  }
  if (job.state === "parked") {
    return t("job.parked", { count: job.attempts });
  }
  const stands = job.waits ? waitsFor() : [t(`job.state.${job.state}`)];
  return [...stands, ...layout, ...madeOn(), ...madeWith()].join(" · ");

  function madeOn(): string[] {
    return job.made_on === null ? [] : [t("queue.made_on", { box: job.made_on })];
  }

  function madeWith(): string[] {
    if (job.encoder === null || job.encoder === "none") return [];
    if (job.encoder === "copy") return [t("encoders.copied")];
    return [t("encoders.made_with", { encoder: job.encoder })];
  }

  function waitsFor(): string[] {
    if (!job.waits) return [];
    const { reason, before, meetings, until } = job.waits;
    const next = job.next ? [t("queue.next_set")] : [];
    if (reason === "turn") return [...next, t("queue.waits.turn", { count: before })];
    if (reason === "meetings") return [...next, t("queue.waits.meetings", { count: meetings })];
    if (reason === "pause") {
      return [t("queue.waits.pause", { when: until ? format.hour(until) : t("queue.now") })];
    }
    return [t("queue.waits.records_only")];
  }
}

/** When it starts and is ready, and whether that is in time. */
function JobTimes({ job }: { job: Job }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const told = [];
  if (job.starts_at) told.push(t("queue.starts", { when: format.hour(job.starts_at) }));
  if (job.ready_at) told.push(t("queue.ready", { when: format.hour(job.ready_at) }));
  const wanted = job.deadline && job.ready_at ? format.hour(job.deadline) : null;
  if (wanted && job.late_by_s === null) told.push(t("queue.deadline", { when: wanted }));
  if (told.length === 0) return null;
  return (
    <Text size="sm" c="dimmed">
      {told.join(" · ")}
      {wanted && job.late_by_s !== null && (
        <Text span inherit c="var(--mantine-color-error)">
          {" · "}
          {t("queue.late", { span: format.span(job.late_by_s), when: wanted })}
        </Text>
      )}
    </Text>
  );
}
