// Asks before a restore: what goes, whose box it is then, and the name typed.
import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Backups, BackupSource, BoxView, DrillReport, RestoreAs } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { useFormat } from "../wording";
import { WhoAfter } from "./WhoAfter";
import { WORK, Working } from "./Working";

interface RestoreDialogProps {
  opened: boolean;
  close: () => void;
  report: DrillReport;
  backups: Backups;
  box: BoxView;
  source: BackupSource;
  passphrase: string;
}

export function RestoreDialog({ opened, close, report, backups, box, source, passphrase }: RestoreDialogProps) {
  const { t } = useTranslation("panel");
  const { t: shared } = useTranslation("shared");
  const format = useFormat();
  const cache = useQueryClient();
  const [who, setWho] = useState<RestoreAs | null>(null);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const restore = useMutation({
    mutationKey: WORK,
    mutationFn: (restore_as: RestoreAs) =>
      api.restoreBackup({ source, passphrase, restore_as, password, name: name.trim() }),
    onSuccess: (view) => cache.setQueryData(keys.backups, view),
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (who) restore.mutate(who);
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("backup.restore.title", { name: report.box_name })}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          <Text>{t("backup.restore.lost", { when: format.dateTime(report.made_at) })}</Text>
          <WhoAfter value={who} choose={setWho} name={report.box_name} keys={report.has_keys} />
          <TextInput
            label={t("backup.restore.name", { name: box.name })}
            value={name}
            autoComplete="off"
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <PasswordInput
            label={t("danger.password")}
            value={password}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          {restore.isPending && <Working backups={backups} />}
          {restore.error && <Failure error={restore.error} />}
          <Group justify="flex-end">
            {/* What runs is cancelled beside its progress; it goes on when this is closed. */}
            <Button variant="default" onClick={close}>
              {shared(restore.isPending ? "close" : "cancel")}
            </Button>
            <Button
              type="submit"
              color="red.8"
              loading={restore.isPending}
              disabled={who === null || name.trim() !== box.name || password === ""}
            >
              {t("backup.restore.run")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
