// The library: what is being rendered, then every recording, newest first.
import { Button, Group, Menu, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconDotsVertical,
  IconDownload,
  IconMovie,
  IconPlayerPlay,
  IconTrash,
} from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api, fileAddress } from "../../api/client";
import { keys } from "../../api/keys";
import type { Recording } from "../../api/schema";
import { Ago, Elapsed } from "../parts/Ago";
import { Deletions } from "../parts/Deletions";
import { DeleteRecording } from "../parts/DeleteRecording";
import { EmptyState } from "../parts/EmptyState";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { JobProgress } from "../parts/JobProgress";
import { RecordingState } from "../parts/RecordingState";
import { Thumbnail } from "../parts/Thumbnail";
import { useFormat } from "../wording";

export function RecordingsPage() {
  const { t } = useTranslation("panel");
  const recordings = useInfiniteQuery({
    queryKey: keys.recordings,
    queryFn: ({ pageParam }) => api.recordings(pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const items = recordings.data?.pages.flatMap((page) => page.items);

  return (
    <>
      <Heading title={t("nav.recordings")} lead={t("recordings.lead")} />
      <Working />
      {recordings.error && (
        <Failure error={recordings.error} retry={() => void recordings.refetch()} />
      )}
      {recordings.isPending && <Skeleton height={240} radius="lg" />}
      {items?.length === 0 && (
        <EmptyState
          icon={IconMovie}
          title={t("recordings.empty")}
          text={t("recordings.empty_text")}
        >
          <Button component={Link} href="/rooms">
            {t("recordings.empty_go")}
          </Button>
        </EmptyState>
      )}
      {items && items.length > 0 && (
        <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {items.map((recording) => (
            <li key={recording.id}>
              <RecordingRow recording={recording} />
            </li>
          ))}
        </Stack>
      )}
      {recordings.hasNextPage && (
        <Group justify="center" mt="lg">
          <Button
            variant="default"
            loading={recordings.isFetchingNextPage}
            onClick={() => void recordings.fetchNextPage()}
          >
            {t("recordings.more")}
          </Button>
        </Group>
      )}
      <Deletions />
    </>
  );
}

function Working() {
  const { t } = useTranslation("panel");
  const jobs = useQuery({ queryKey: keys.jobs, queryFn: api.jobs });
  const active = jobs.data?.items.filter((job) => ["queued", "running"].includes(job.state)) ?? [];
  if (active.length === 0) return null;
  return (
    <Paper className="surface" p="md" mb="md" component="section">
      <Title order={2} size="h5" mb="sm">
        {t("recordings.working", { count: active.length })}
      </Title>
      <Stack gap="md">
        {active.map((job) => (
          <JobProgress key={job.id} job={job} titled />
        ))}
      </Stack>
    </Paper>
  );
}

function RecordingRow({ recording }: { recording: Recording }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const [deleting, remove] = useDisclosure(false);
  const film = recording.files.find((file) => file.kind === "mp4");
  const running = recording.state === "recording";

  return (
    <Paper className="surface" p="sm">
      <div className="recording-row">
        <Thumbnail recording={recording} />
        <Stack gap={4} miw={0}>
          <Title order={2} size="h5" style={{ overflowWrap: "break-word" }}>
            <Link href={`/recordings/${recording.id}`} className="plain">
              {recording.title}
            </Link>
          </Title>
          <Text size="sm" c="dimmed">
            {recording.room_name} · <Ago at={recording.started_at} />
          </Text>
          <Group gap="xs">
            <RecordingState state={recording.state} />
            <Text size="sm" c="dimmed">
              {running ? (
                <Elapsed since={recording.started_at} />
              ) : (
                format.clock(recording.duration_ms)
              )}{" "}
              · {format.bytes(recording.bytes)}
            </Text>
          </Group>
        </Stack>
        <Menu>
          <Menu.Target>
            <Button
              variant="subtle"
              color="gray"
              px={6}
              aria-label={t("more_of", { name: recording.title })}
            >
              <IconDotsVertical size={18} />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item
              component={Link}
              href={`/recordings/${recording.id}`}
              leftSection={<IconPlayerPlay size={16} aria-hidden />}
            >
              {t("recordings.open")}
            </Menu.Item>
            {film && (
              <Menu.Item
                component="a"
                href={fileAddress(recording.id, film.name, true)}
                leftSection={<IconDownload size={16} aria-hidden />}
              >
                {t("recording.download")}
              </Menu.Item>
            )}
            <Menu.Item
              color="red"
              disabled={running}
              leftSection={<IconTrash size={16} aria-hidden />}
              onClick={remove.open}
            >
              {t("recording.delete")}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      <DeleteRecording recording={recording} opened={deleting} close={remove.close} />
    </Paper>
  );
}
