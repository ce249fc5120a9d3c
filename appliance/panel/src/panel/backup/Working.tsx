// What is being done with a backup: how far it is, and a way to stop it.
import { Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Backups } from "../../api/schema";
import { share } from "../../format";
import { Failure } from "../parts/Failure";
import { useFormat } from "../wording";

/** Requests that are answered only when their work has ended: the page looks at it meanwhile. */
export const WORK = ["backup-work"];

export function Working({ backups }: { backups: Backups }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const cancel = useMutation({
    mutationFn: api.cancelBackup,
    onSuccess: (view) => cache.setQueryData(keys.backups, view),
  });
  const { work, cancelled, done_bytes: done, total_bytes: total } = backups;
  if (work === null) return null;
  const ending = cancelled !== null;
  const words = t(`backup.work.${work}`);
  return (
    <Stack gap="xs" maw={480}>
      <Text role="status">{ending ? t("backup.work.ending") : words}</Text>
      <Progress value={total === 0 ? 5 : share(done, total)} aria-label={words} />
      <Group justify="space-between" mih={30}>
        <Text size="sm" c="dimmed">
          {total > 0 && t("backup.make.bytes", { done: format.bytes(done), total: format.bytes(total) })}
        </Text>
        {work !== "keeping" && (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconX size={16} aria-hidden />}
            disabled={ending}
            loading={cancel.isPending}
            onClick={() => cancel.mutate()}
          >
            {t("backup.work.cancel")}
          </Button>
        )}
      </Group>
      {cancel.error && <Failure error={cancel.error} />}
    </Stack>
  );
}

/** What became of one of these that somebody has cancelled. */
export function Cancelled({ backups, of }: { backups: Backups; of: NonNullable<Backups["work"]>[] }) {
  const { t } = useTranslation("panel");
  const { work, cancelled } = backups;
  if (work !== null || cancelled === null || !of.includes(cancelled)) return null;
  return (
    <Text size="sm" role="status">
      {t(`backup.cancelled.${cancelled}`)}
    </Text>
  );
}
