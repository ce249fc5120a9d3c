// The raw tracks: complete at once, playable by any player, whatever becomes of the film.
import { Anchor, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { fileAddress } from "../../api/client";
import type { RecordedTrack, Recording } from "../../api/schema";
import { useFormat } from "../wording";

/** A track has a new part after each break and each change of its picture's size. */
const FEW = 3;

/** As their makers write them. */
const CODECS: Record<RecordedTrack["codec"], string> = {
  opus: "Opus",
  vp8: "VP8",
  vp9: "VP9",
  av1: "AV1",
  h264: "H.264",
};

export function TrackTable({ recording }: { recording: Recording }) {
  const { t } = useTranslation("panel");
  // Those of one person stand together.
  const tracks = [...(recording.tracks ?? [])].sort((a, b) =>
    a.participant.localeCompare(b.participant),
  );
  if (tracks.length === 0) return null;
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4">
        {t("tracks.title")}
      </Title>
      <Text c="dimmed" size="sm" mb="sm">
        {t("tracks.text")}
      </Text>
      <div className="scroll-x" role="region" aria-label={t("tracks.title")} tabIndex={0}>
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("tracks.person")}</Table.Th>
              <Table.Th>{t("tracks.what")}</Table.Th>
              <Table.Th>{t("tracks.format")}</Table.Th>
              <Table.Th ta="right">{t("tracks.length")}</Table.Th>
              <Table.Th ta="right">{t("tracks.size")}</Table.Th>
              <Table.Th>{t("tracks.files")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {tracks.map((track) => (
              <TrackRow key={`${track.id} ${track.layer}`} recording={recording.id} track={track} />
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Paper>
  );
}

function TrackRow({ recording, track }: { recording: string; track: RecordedTrack }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const picture = track.width && track.height ? ` ${track.width}×${track.height}` : "";
  const files = (
    <Stack gap={0} align="flex-start">
      {track.files.map((file, at) => (
        <Anchor
          key={file.name}
          size="sm"
          href={fileAddress(recording, file.name, true)}
          className="file-link"
          title={file.name}
        >
          <IconDownload size={14} aria-hidden />
          {t("tracks.part", { number: at + 1, size: format.bytes(file.bytes) })}
        </Anchor>
      ))}
    </Stack>
  );
  return (
    <Table.Tr>
      <Table.Td>{track.participant}</Table.Td>
      <Table.Td>
        {t(`tracks.source.${track.source}`)}
        {track.layer === "low" && ` (${t("tracks.low")})`}
      </Table.Td>
      <Table.Td>
        {CODECS[track.codec]}
        {picture}
      </Table.Td>
      <Table.Td ta="right">{format.clock(track.duration_ms)}</Table.Td>
      <Table.Td ta="right">{format.bytes(track.bytes)}</Table.Td>
      <Table.Td>
        {track.files.length <= FEW ? (
          files
        ) : (
          <details>
            <summary className="file-link">{t("tracks.parts", { count: track.files.length })}</summary>
            {files}
          </details>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
