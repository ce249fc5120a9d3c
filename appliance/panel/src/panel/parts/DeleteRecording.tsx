// Asks before a recording goes for good, and says how much that is.
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Recording } from "../../api/schema";
import { useFormat } from "../wording";
import { Confirm } from "./Confirm";

interface DeleteRecordingProps {
  recording: Recording;
  opened: boolean;
  close: () => void;
  /** Where to go when the page that asks was about this recording. */
  leave?: () => void;
}

export function DeleteRecording({ recording, opened, close, leave }: DeleteRecordingProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const films = recording.files.reduce((sum, file) => sum + file.bytes, 0);
  return (
    <Confirm
      opened={opened}
      close={close}
      title={t("recording.delete_title", { title: recording.title })}
      text={t("recording.delete_text", { size: format.bytes(recording.bytes + films) })}
      action={t("recording.delete")}
      run={() => api.deleteRecording(recording.id)}
      done={() => {
        cache.removeQueries({ queryKey: keys.recording(recording.id) });
        for (const queryKey of [keys.recordingsListed, keys.storage]) {
          void cache.invalidateQueries({ queryKey });
        }
        leave?.();
      }}
    />
  );
}
