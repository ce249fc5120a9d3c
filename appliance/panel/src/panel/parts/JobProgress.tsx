// One piece of rendering: how far, how fast, how long still, and what to do about it.
import { Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconPlayerPlay, IconX } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Job } from "../../api/schema";
import { share } from "../../format";
import { useFormat } from "../wording";
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
  const refresh = () => {
    void cache.invalidateQueries({ queryKey: keys.jobs });
    void cache.invalidateQueries({ queryKey: keys.recordings });
  };
  const cancel = useMutation({
    mutationFn: () => api.cancelJob(job.id),
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
  const done = job.progress ? share(job.progress.done_ms, job.progress.total_ms) : 0;

  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Text fw={500} truncate>
          {titled ? (
            <Link href={`/recordings/${job.recording_id}`} className="plain">
              {job.title}
            </Link>
          ) : (
            t(`layout.${job.layout}`)
          )}
        </Text>
        {active && (
          <Button
            size="compact-sm"
            variant="subtle"
            color="gray"
            loading={cancel.isPending}
            leftSection={<IconX size={14} aria-hidden />}
            onClick={() => cancel.mutate()}
          >
            {t("job.cancel")}
          </Button>
        )}
        {again && (
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
        <JobWords job={job} done={done} titled={titled} />
      </Text>
    </Stack>
  );
}

function JobWords({ job, done, titled }: { job: Job; done: number; titled: boolean }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  // Without a title the layout is the heading already.
  const layout = titled ? [t(`layout.${job.layout}`)] : [];
  if (job.state === "running" && job.progress) {
    const { speed, eta_s: eta, encoder } = job.progress;
    return [
      format.percent(done),
      t("job.speed", { speed: format.number(speed, speed < 1 ? 2 : 1) }),
      eta === null ? t("job.eta_unknown") : t("job.eta", { span: format.span(eta) }),
      ...layout,
      encoder,
    ].join(" · ");
  }
  if (job.state === "parked") {
    return t("job.parked", { count: job.attempts, error: job.error ?? t("job.no_reason") });
  }
  return [t(`job.state.${job.state}`), ...layout].join(" · ");
}
