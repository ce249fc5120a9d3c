// The film's chapters: what happened when, and a way there.
import { Paper, Text, Title, UnstyledButton } from "@mantine/core";
import {
  IconBookmark,
  IconPlayerPlay,
  IconPlayerTrackNext,
  IconPlugConnected,
  IconScreenShare,
  IconUser,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { lastBegun, type Chapter, type FilmIndex } from "../../film";
import { useFormat } from "../wording";

const ICONS = {
  start: IconPlayerPlay,
  turn: IconUser,
  continued: IconPlugConnected,
  resumed: IconPlayerTrackNext,
  share: IconScreenShare,
  marker: IconBookmark,
} as const satisfies Record<Chapter["kind"], unknown>;

/** A player that was sent to a moment stands on a frame, maybe a little before it. */
const FRAME_MS = 50;

interface ChaptersProps {
  index: FilmIndex;
  /** Where the player is, in the film's time. */
  at: number;
  seek: (filmMs: number) => void;
}

export function Chapters({ index, at, seek }: ChaptersProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const current = lastBegun(index.chapters, at + FRAME_MS);
  return (
    <Paper className="surface chapters" p="md" component="section">
      <Title order={2} size="h4" mb="xs">
        {t("chapters.title")}
      </Title>
      <ol className="chapter-list" aria-label={t("chapters.title")} tabIndex={0}>
        {index.chapters.map((chapter) => {
          const Icon = ICONS[chapter.kind];
          return (
            <li key={chapter.from_us}>
              <UnstyledButton
                className="chapter"
                aria-current={chapter === current ? "true" : undefined}
                onClick={() => seek(chapter.from_us / 1000)}
              >
                <Icon size={16} aria-hidden />
                <span className="chapter-title">
                  {t(`chapters.kind.${chapter.kind}`, { title: chapter.title })}
                </span>
                <Text span size="sm" c="dimmed" className="chapter-time">
                  {format.clock(chapter.from_us / 1000)}
                </Text>
              </UnstyledButton>
            </li>
          );
        })}
      </ol>
    </Paper>
  );
}
