// One recording in a list: its picture, what it is, and what is done with it most.
import { Button, Checkbox, Group, Menu, Paper, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDotsVertical, IconDownload, IconPlayerPlay, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Name } from "../../Name";
import { unturned } from "../../direction";
import { fileAddress } from "../../api/client";
import type { Recording } from "../../api/schema";
import { canMerge } from "../../merge";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { Ago, Elapsed } from "./Ago";
import { DeleteRecording } from "./DeleteRecording";
import { RecordingState } from "./RecordingState";
import { Thumbnail } from "./Thumbnail";

/** So many names fit; the others are counted. */
const NAMED = 4;

interface RecordingRowProps {
  recording: Recording;
  /** Whether it is selected and how that changes; absent where nothing is done with several. */
  selection?: { selected: boolean; full: boolean; change: (selected: boolean) => void } | undefined;
}

export function RecordingRow({ recording, selection }: RecordingRowProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const [deleting, remove] = useDisclosure(false);
  const edits = useMay()("edit_library");
  const film = recording.files.find((file) => file.kind === "mp4");
  const running = recording.state === "recording";
  const names = recording.people.slice(0, NAMED).map(unturned).join(", ");
  const others = recording.people.length - NAMED;

  return (
    <Paper className="surface" p="sm">
      <div className={selection ? "recording-row selectable" : "recording-row"}>
        {selection && (
          <Checkbox
            className="recording-select"
            aria-label={t("merge.select", { title: recording.title })}
            checked={selection.selected}
            disabled={!canMerge(recording) || (selection.full && !selection.selected)}
            onChange={(event) => selection.change(event.currentTarget.checked)}
          />
        )}
        <Thumbnail recording={recording} />
        <Stack gap={4} miw={0}>
          <Title order={2} size="h5" style={{ overflowWrap: "anywhere" }}>
            <Link href={`/recordings/${recording.id}`} className="plain">
              <Name>{recording.title}</Name>
            </Link>
          </Title>
          <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            <Name>{recording.room_name}</Name> · <Ago at={recording.started_at} />
            {names !== "" && " · "}
            {others > 0 ? t("library.people_more", { names, count: others }) : names}
          </Text>
          <Group gap="xs">
            <RecordingState state={recording.state} />
            <Text size="sm" c="dimmed">
              {running ? (
                <Elapsed since={recording.started_at} />
              ) : (
                format.clock(recording.duration_ms)
              )}
              {/* A merged one has no tracks of its own. */}
              {recording.bytes > 0 && ` · ${format.bytes(recording.bytes)}`}
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
            {edits && (
              <Menu.Item
                color="red"
                disabled={running}
                leftSection={<IconTrash size={16} aria-hidden />}
                onClick={remove.open}
              >
                {t("recording.delete")}
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      </div>
      <DeleteRecording recording={recording} opened={deleting} close={remove.close} />
    </Paper>
  );
}
