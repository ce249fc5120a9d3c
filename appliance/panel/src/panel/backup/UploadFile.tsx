// A backup is sent to the box, with progress and a way to stop.
import { Button, Progress, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ABORTED, Refusal } from "../../api/client";
import { share } from "../../format";
import { DropFile } from "../parts/DropFile";
import { Failure } from "../parts/Failure";
import { useFormat } from "../wording";

interface UploadFileProps {
  may: boolean;
  /** What is to be seen of somebody else's upload. */
  elsewhere?: ReactNode;
  send: (file: File, progress: (sent: number) => void, signal: AbortSignal) => Promise<unknown>;
  done: () => void;
}

export function UploadFile({ may, elsewhere, send, done }: UploadFileProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const stop = useRef<AbortController | null>(null);
  const [sent, setSent] = useState({ bytes: 0, of: 0 });
  const upload = useMutation({
    mutationFn(file: File) {
      const control = new AbortController();
      stop.current = control;
      setSent({ bytes: 0, of: file.size });
      return send(file, (bytes) => setSent({ bytes, of: file.size }), control.signal);
    },
    onSuccess: done,
  });
  const stopped =
    upload.error instanceof Refusal && [ABORTED, "backup_cancelled"].includes(upload.error.code);
  if (upload.isPending) {
    return (
      <div className="drop">
        <Progress w="100%" value={share(sent.bytes, sent.of)} aria-label={t("backup.use.receiving")} />
        <Text size="sm" c="dimmed">
          {t("backup.make.bytes", { done: format.bytes(sent.bytes), total: format.bytes(sent.of) })}
        </Text>
        <Button size="xs" variant="default" onClick={() => stop.current?.abort()}>
          {t("backup.use.stop")}
        </Button>
      </div>
    );
  }
  return (
    <Stack gap="sm">
      {elsewhere}
      <DropFile
        may={may}
        accept=".age"
        drop={t("backup.use.drop")}
        choose={t("backup.use.choose")}
        send={upload.mutate}
      />
      {upload.error && !stopped && <Failure error={upload.error} />}
    </Stack>
  );
}
