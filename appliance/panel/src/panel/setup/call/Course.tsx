// How the test call goes: joining, the way to the box, the recording, its film, and what became of it.
import { Alert, Button, Group, Loader, Progress, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconPlayerRecordFilled } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { fileAddress, Refusal } from "../../../api/client";
import type { Recording } from "../../../api/schema";
import { filmOf } from "../../../film";
import { share } from "../../../format";
import { useRefusalText } from "../../../i18n/refusal";
import { useNow } from "../../now";
import { useFormat } from "../../wording";
import { adviceOnPath, type Path } from "./figures";
import { RECORD_MS, type CallState, type Fault } from "./testCall";

export function Course({ state, room }: { state: CallState; room: string }) {
  const { t } = useTranslation("setup");
  switch (state.at) {
    case "ready":
      return null;
    case "joining":
      return <Waits words={t("call.joining", { room })} />;
    case "measuring":
      return <Waits words={t("call.measuring")} />;
    case "recording":
      return (
        <>
          {state.path && <Figures path={state.path} />}
          <Records since={state.since} />
        </>
      );
    case "making":
      return (
        <>
          {state.path && <Figures path={state.path} />}
          <Makes recording={state.recording} />
        </>
      );
    case "watch":
      return (
        <>
          {state.path && <Figures path={state.path} />}
          <Film recording={state.recording} />
        </>
      );
    case "failed":
      return <Fails {...state} room={room} />;
  }
}

function Waits({ words }: { words: string }) {
  return (
    <Group gap="sm" role="status">
      <Loader size="sm" />
      <Text size="sm">{words}</Text>
    </Group>
  );
}

function Figures({ path }: { path: Path }) {
  const { t } = useTranslation("setup");
  const format = useFormat();
  const advice = adviceOnPath(path);
  const rate = (bits: number | null) => (bits === null ? t("call.figures.unknown") : format.bitRate(bits / 8));
  return (
    <Stack gap={6}>
      <dl className="facts">
        <div>
          <dt>{t("call.figures.round_trip")}</dt>
          <dd>{format.number(path.roundTrip * 1000, path.roundTrip < 0.01 ? 1 : 0)} ms</dd>
        </div>
        <div>
          <dt>{t("call.figures.can_send")}</dt>
          <dd>{rate(path.canSend)}</dd>
        </div>
        <div>
          <dt>{t("call.figures.sends")}</dt>
          <dd>{rate(path.sends)}</dd>
        </div>
        <div>
          <dt>{t("call.figures.way")}</dt>
          <dd>{t(`call.figures.${path.protocol}`)}</dd>
        </div>
      </dl>
      <Text size="sm">{t(`call.path.${advice}`)}</Text>
    </Stack>
  );
}

function Records({ since }: { since: number }) {
  const { t } = useTranslation("setup");
  const gone = Math.max(0, useNow() - since);
  const left = Math.max(0, Math.ceil((RECORD_MS - gone) / 1000));
  return (
    <Stack gap={6}>
      <Group gap="xs" wrap="nowrap" role="status">
        <IconPlayerRecordFilled size={18} color="var(--mantine-color-red-6)" aria-hidden />
        <Text size="sm">{t("call.recording", { left })}</Text>
      </Group>
      <Progress value={share(Math.min(gone, RECORD_MS), RECORD_MS)} aria-label={t("call.recording", { left })} />
    </Stack>
  );
}

function Makes({ recording: { job } }: { recording: Recording }) {
  const { t } = useTranslation("setup");
  const done = job?.progress ? share(job.progress.done_ms, job.progress.total_ms) : 0;
  return (
    <Stack gap={6}>
      <Text size="sm" role="status">
        {t("call.making")}
      </Text>
      <Progress value={Math.max(2, done)} animated aria-label={t("call.making")} />
      <Text size="sm" c="dimmed">
        {t("call.making_text")}
      </Text>
    </Stack>
  );
}

function Film({ recording }: { recording: Recording }) {
  const { t } = useTranslation("setup");
  const film = filmOf(recording.files);
  return (
    <Stack gap={6}>
      <Text fw={600}>{t("call.watch")}</Text>
      {film && (
        <video
          className="setup-film"
          controls
          autoPlay
          playsInline
          src={fileAddress(recording.id, film.movie.name)}
          poster={film.poster && fileAddress(recording.id, film.poster.name)}
          aria-label={t("call.watch")}
        />
      )}
    </Stack>
  );
}

interface FailsProps {
  fault: Fault;
  error: unknown;
  recording: Recording | null;
  room: string;
}

function Fails({ fault, error, recording, room }: FailsProps) {
  const { t } = useTranslation("setup");
  const textOf = useRefusalText();
  const full = error instanceof Refusal && error.code === "disk_below_reserve";
  const [title, text] = ((): [string | null, string] => {
    if (fault === "occupied") return [null, t("call.occupied", { room })];
    const title = t(`call.failed.${fault}_title`);
    if (fault === "planned") return [title, t("call.failed.planned", { room })];
    return [title, fault === "join" || fault === "record" ? textOf(error) : t(`call.failed.${fault}`)];
  })();
  return (
    <Alert color="red" role="alert" icon={<IconAlertTriangle size={20} aria-hidden />} title={title}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{text}</Text>
        {full && (
          <Button component={Link} href="/recordings/storage" size="xs" variant="default">
            {t("call.failed.disk_way")}
          </Button>
        )}
        {fault === "film" && recording && (
          <Button component={Link} href={`/recordings/${recording.id}`} size="xs" variant="default">
            {t("call.failed.film_way")}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
