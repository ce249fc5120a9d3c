// One recording: watch it, see what happened in it, take its files along, render it again.
import { Anchor, Button, Grid, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCut, IconDownload, IconLock, IconRefresh } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { Name } from "../../Name";
import { api, fileAddress } from "../../api/client";
import { keys } from "../../api/keys";
import type { MergedPart, Recording } from "../../api/schema";
import { filmMs, filmOf, recordingMs, type FilmIndex } from "../../film";
import { Ago, Elapsed } from "../parts/Ago";
import { Chapters } from "../parts/Chapters";
import { Copies } from "../parts/Copies";
import { DeleteRecording } from "../parts/DeleteRecording";
import { Detail } from "../parts/Detail";
import { Heading } from "../parts/Heading";
import { JobProgress } from "../parts/JobProgress";
import { MadeFiles } from "../parts/MadeFiles";
import { MoreMenu } from "../parts/MoreMenu";
import { NameDialog } from "../parts/NameDialog";
import { Preview } from "../parts/Preview";
import { RecordingState } from "../parts/RecordingState";
import { useReportFailure } from "../parts/Failure";
import { RenderDialog } from "../parts/RenderDialog";
import { Shares } from "../parts/Shares";
import { StateBadge } from "../parts/StateBadge";
import { TimelineStrip } from "../parts/TimelineStrip";
import { TrackTable } from "../parts/TrackTable";
import { Trim } from "../parts/Trim";
import { useMay } from "../session";
import { useFormat } from "../wording";

const HELD = { icon: IconLock, color: "gray" } as const;

export function RecordingPage({ id }: { id: string }) {
  const query = useQuery({ queryKey: keys.recording(id), queryFn: () => api.recording(id) });
  return (
    <Detail of="recordings" query={query} height={480}>
      {(recording) => <RecordingView recording={recording} />}
    </Detail>
  );
}

function RecordingView({ recording }: { recording: Recording }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const edits = useMay()("edit_library");
  const video = useRef<HTMLVideoElement>(null);
  const film = filmOf(recording.files);
  const [{ at, of }, setPlace] = useState({ at: 0, of: film?.movie.name });
  // Another film begins at its beginning.
  if (of !== film?.movie.name) setPlace({ at: 0, of: film?.movie.name });
  const index = useFilmIndex(recording.id, film?.index?.name);
  const seek = (filmMs: number) => {
    if (video.current) video.current.currentTime = filmMs / 1000;
  };
  const [trimming, trim] = useDisclosure(false);
  const here = film ? (index ? recordingMs(index, at) : at) : null;
  const seekRecording = film ? (ms: number) => seek(index ? filmMs(index, ms) : ms) : undefined;
  const chaptered = index !== undefined && index.chapters.length > 1;

  return (
    <>
      <Heading
        title={recording.title}
        lead={
          <Group gap="xs">
            <RecordingState state={recording.state} />
            {recording.held && <StateBadge look={HELD} word={t("retention.held")} />}
            <span>
              <Name>{recording.room_name}</Name> · <Ago at={recording.started_at} /> ·{" "}
              {recording.state === "recording" ? (
                <Elapsed since={recording.started_at} />
              ) : (
                format.clock(recording.duration_ms)
              )}
              {recording.bytes > 0 && ` · ${format.bytes(recording.bytes)}`}
            </span>
          </Group>
        }
      >
        <RecordingActions recording={recording} trim={trim.toggle} />
      </Heading>
      <Stack gap="md">
        {film ? (
          <div className={chaptered ? "watch chaptered" : "watch"}>
            <video
              key={film.movie.name}
              ref={video}
              className="player"
              controls
              preload="metadata"
              src={fileAddress(recording.id, film.movie.name)}
              poster={film.poster && fileAddress(recording.id, film.poster.name)}
              aria-label={recording.title}
              onTimeUpdate={(event) =>
                setPlace({ at: event.currentTarget.currentTime * 1000, of: film.movie.name })
              }
            >
              {film.captions && (
                <track
                  kind="captions"
                  label={t("made.captions")}
                  src={fileAddress(recording.id, film.captions.name)}
                />
              )}
            </video>
            {chaptered && <Chapters index={index} at={at} seek={seek} />}
          </div>
        ) : (
          <Paper className="surface" p="md">
            <Text>{t(`${recording.merged_from ? "merge" : "recording"}.no_film.${recording.state}`)}</Text>
          </Paper>
        )}
        <TimelineStrip
          recording={recording}
          at={here}
          seek={seekRecording}
          preview={
            index &&
            film?.index &&
            ((pointed) => (
              <Preview
                recording={recording.id}
                index={index}
                file={film.index?.name ?? ""}
                pointed={pointed}
              />
            ))
          }
        />
        {trimming && (
          <Trim recording={recording} at={here} seek={seekRecording} close={trim.close} />
        )}
        <Grid gap="md">
          <Grid.Col span={{ base: 12, md: 7 }}>
            {recording.merged_from ? (
              <MadeOf parts={recording.merged_from} />
            ) : (
              <Happened recording={recording} />
            )}
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Jobs recording={recording} />
          </Grid.Col>
        </Grid>
        {edits && <Shares recording={recording} />}
        {edits && <Copies recording={recording} />}
        {!recording.merged_from && <TrackTable recording={recording} />}
      </Stack>
    </>
  );
}

/** What lies beside the film; a film of an older version of the box has nothing. */
function useFilmIndex(recording: string, file: string | undefined): FilmIndex | undefined {
  const index = useQuery({
    queryKey: keys.filmIndex(recording, file),
    queryFn: () => api.filmIndex(recording, file ?? ""),
    enabled: file !== undefined,
    staleTime: Infinity,
  });
  return index.data;
}

/** The recordings of which this one was made, as far as the box knows them. */
function MadeOf({ parts }: { parts: MergedPart[] }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  return (
    <Paper
      className="surface"
      p="md"
      h="100%"
      component="section"
      aria-label={t("merge.made_of")}
    >
      <Title order={2} size="h4" mb="sm">
        {t("merge.made_of")}
      </Title>
      {parts.length === 0 && <Text>{t("merge.unknown")}</Text>}
      <Stack gap={6} component="ol" m={0} pl="lg">
        {parts.map(({ recording_id: id, title, duration_ms, exists }) => (
          <li key={id} style={{ overflowWrap: "anywhere" }}>
            {exists ? (
              <Anchor component={Link} href={`/recordings/${id}`}>
                <Name>{title}</Name>
              </Anchor>
            ) : (
              <>
                <Name>{title}</Name> ({t("merge.gone")})
              </>
            )}{" "}
            <Text span c="dimmed">
              {format.clock(duration_ms)}
            </Text>
          </li>
        ))}
      </Stack>
    </Paper>
  );
}

function Happened({ recording }: { recording: Recording }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const timeline = useQuery({
    queryKey: keys.timeline(recording.id),
    queryFn: () => api.timeline(recording.id),
  });
  const pauses = timeline.data?.items.filter((item) => item.kind === "pause").length ?? 0;
  const sentences = [t("happened.started", { when: format.dateTime(recording.started_at) })];
  for (const { at_ms, lost_ms } of recording.interruptions) {
    sentences.push(
      t("happened.interrupted", {
        at: format.clock(at_ms),
        lost: t("seconds", { value: format.number(lost_ms / 1000, 1) }),
      }),
    );
  }
  if (pauses > 0) sentences.push(t("happened.pauses", { count: pauses }));
  if (recording.gaps > 0) sentences.push(t("happened.gaps", { count: recording.gaps }));
  const dropped = recording.dropped_packets;
  if (dropped > 0) {
    sentences.push(t("happened.dropped", { count: dropped, value: format.number(dropped) }));
  }
  if (recording.end_reason) sentences.push(t(`happened.end.${recording.end_reason}`));
  const missing = recording.interruptions.length + recording.gaps + dropped;
  if (missing === 0 && recording.ended_at) {
    sentences.push(t("happened.whole"));
  }
  return (
    <Paper className="surface" p="md" h="100%" component="section">
      <Title order={2} size="h4" mb="sm">
        {t("happened.title")}
      </Title>
      <Stack gap={6}>
        {sentences.map((sentence) => (
          <Text key={sentence}>{sentence}</Text>
        ))}
      </Stack>
    </Paper>
  );
}

function Jobs({ recording }: { recording: Recording }) {
  const { t } = useTranslation("panel");
  const live = useQuery({ queryKey: keys.jobs, queryFn: api.jobs }).data?.items ?? [];
  const all = useQuery({ queryKey: keys.jobsOf(recording.id), queryFn: () => api.jobsOf(recording.id) }).data?.items;
  // How far each is, is heard of all jobs that still concern somebody.
  const listed = live.filter((job) => job.recording_id === recording.id);
  // The newest came with the recording.
  const known = all ?? (recording.job ? [recording.job] : []);
  const mine = [...listed, ...known.filter((job) => !listed.some(({ id }) => id === job.id))];
  return (
    <Paper className="surface" p="md" h="100%" component="section">
      <Title order={2} size="h4" mb="sm">
        {t("recording.jobs")}
      </Title>
      {mine.length === 0 ? (
        <Text c="dimmed">{t("recording.no_jobs")}</Text>
      ) : (
        <Stack gap="md">
          {mine.map((job) => (
            <Stack key={job.id} gap={6}>
              <JobProgress job={job} />
              <MadeFiles recording={recording} job={job.id} />
            </Stack>
          ))}
        </Stack>
      )}
    </Paper>
  );
}

function RecordingActions({ recording, trim }: { recording: Recording; trim: () => void }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const [, go] = useLocation();
  const [renaming, rename] = useDisclosure(false);
  const [rendering, render] = useDisclosure(false);
  const [deleting, remove] = useDisclosure(false);
  const film = filmOf(recording.files)?.movie;
  const running = recording.state === "recording";
  const refresh = () => cache.invalidateQueries({ queryKey: keys.recordings });
  const report = useReportFailure();
  const edits = useMay()("edit_library");
  const hold = useMutation({
    mutationFn: (held: boolean) => api.holdRecording(recording.id, held),
    onSuccess: refresh,
    onError: report,
  });

  return (
    <>
      {film && (
        <Button
          component="a"
          href={fileAddress(recording.id, film.name, true)}
          leftSection={<IconDownload size={18} aria-hidden />}
        >
          {t("recording.download")} ({format.bytes(film.bytes)})
        </Button>
      )}
      {edits && (
        <>
          {!recording.merged_from && (
            <>
              <Button
                variant="default"
                disabled={running || recording.state === "empty"}
                leftSection={<IconRefresh size={18} aria-hidden />}
                onClick={render.open}
              >
                {t("recording.render")}
              </Button>
              <Button
                variant="default"
                disabled={running || recording.state === "empty"}
                leftSection={<IconCut size={18} aria-hidden />}
                onClick={trim}
              >
                {t("trim.action")}
              </Button>
            </>
          )}
          <MoreMenu
            rename={rename.open}
            remove={remove.open}
            removal={t("recording.delete")}
            kept={running}
            hold={{ held: recording.held, change: () => hold.mutate(!recording.held) }}
          />
        </>
      )}
      <NameDialog
        opened={renaming}
        close={rename.close}
        title={t("recording.rename")}
        label={t("recording.title")}
        initial={recording.title}
        action={t("save")}
        run={async (title) => {
          await api.renameRecording(recording.id, title);
          await refresh();
        }}
      />
      <RenderDialog recording={recording} opened={rendering} close={render.close} />
      <DeleteRecording
        recording={recording}
        opened={deleting}
        close={remove.close}
        leave={() => go("/recordings")}
      />
    </>
  );
}
