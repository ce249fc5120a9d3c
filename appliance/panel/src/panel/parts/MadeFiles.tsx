// What a job made, to take along.
import { Anchor, Group } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { fileAddress } from "../../api/client";
import type { MadeFile, Recording } from "../../api/schema";
import { useFormat } from "../wording";

/** What somebody would want; the rest is for the player. */
const WANTED = ["mp4", "sound", "chapters", "captions", "track", "playlist", "segments"] as const satisfies MadeFile["kind"][];

export function MadeFiles({ recording, job }: { recording: Recording; job: string }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const made = WANTED.flatMap((kind) =>
    recording.files
      .filter((file) => file.kind === kind && file.name.startsWith(`derived/${job}/`))
      .map((file) => ({ ...file, kind })),
  );
  if (made.length === 0) return null;
  return (
    <Group gap="md">
      {made.map((file) => (
        <Anchor
          key={file.name}
          size="sm"
          href={fileAddress(recording.id, file.name, true)}
          className="file-link"
        >
          <IconDownload size={14} aria-hidden />
          {t(`made.${file.kind}`, { name: file.name.slice(file.name.lastIndexOf("/") + 1) })} ({format.bytes(file.bytes)})
        </Anchor>
      ))}
    </Group>
  );
}
