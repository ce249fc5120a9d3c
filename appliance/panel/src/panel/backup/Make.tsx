// A backup is made by hand: passphrase twice, progress, download.
import { Alert, Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { IconArchive, IconDownload, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, madeBackup } from "../../api/client";
import { keys } from "../../api/keys";
import type { Backups } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { PasswordMeter } from "../parts/PasswordMeter";
import { Card } from "../settings/Card";
import { useFormat } from "../wording";
import { Cancelled, Working } from "./Working";

export function Make({ backups }: { backups: Backups }) {
  const { t } = useTranslation(["panel", "shared"]);
  const format = useFormat();
  const cache = useQueryClient();
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const [password, setPassword] = useState("");
  const [deleting, setDeleting] = useState(false);
  const make = useMutation({
    mutationFn: () => api.makeBackup(passphrase, password),
    onSuccess(view) {
      setPassphrase("");
      setAgain("");
      setPassword("");
      cache.setQueryData(keys.backups, view);
    },
  });
  const { made, work, failed } = backups;
  const long = [...passphrase].length >= backups.passphrase_least;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <Card title={t("backup.make.title")} text={t("backup.make.text")}>
      <Cancelled backups={backups} of={["making"]} />
      {failed !== null && (
        <Alert color="red" role="alert">
          {t("backup.make.failed", { message: failed })}
        </Alert>
      )}
      {made && work !== "making" && (
        <Alert color="teal" title={t("backup.make.ready")} role="status">
          <Stack gap="sm" align="flex-start">
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {made.name} · {format.bytes(made.bytes)} · <Ago at={made.at} />
            </Text>
            <Group gap="sm">
              <Button
                component="a"
                href={madeBackup()}
                download={made.name}
                leftSection={<IconDownload size={18} aria-hidden />}
              >
                {t("backup.make.download")}
              </Button>
              <Button
                variant="default"
                leftSection={<IconTrash size={18} aria-hidden />}
                onClick={() => setDeleting(true)}
              >
                {t("backup.make.delete")}
              </Button>
            </Group>
            <Text size="sm">{t("backup.make.note")}</Text>
          </Stack>
        </Alert>
      )}
      {work === "making" ? (
        <Working backups={backups} />
      ) : (
        <form onSubmit={submit}>
          <Stack gap="sm" maw={480}>
            <PasswordInput
              label={t("backup.passphrase")}
              description={t("backup.passphrase_rule", { count: backups.passphrase_least })}
              value={passphrase}
              autoComplete="new-password"
              visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
              onChange={(event) => setPassphrase(event.currentTarget.value)}
            />
            <PasswordMeter password={passphrase} />
            <PasswordInput
              label={t("backup.again")}
              value={again}
              autoComplete="new-password"
              visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
              error={again !== "" && !passphrase.startsWith(again) ? t("backup.differs") : null}
              onChange={(event) => setAgain(event.currentTarget.value)}
            />
            <PasswordInput
              label={t("danger.password")}
              value={password}
              autoComplete="current-password"
              visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            {make.error && <Failure error={make.error} />}
            <Group>
              <Button
                type="submit"
                loading={make.isPending}
                disabled={!long || passphrase !== again || password === "" || work !== null}
                leftSection={<IconArchive size={18} aria-hidden />}
              >
                {made ? t("backup.make.anew") : t("backup.make.run")}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
      <Confirm
        opened={deleting}
        close={() => setDeleting(false)}
        title={t("backup.make.delete_title")}
        text={t("backup.make.delete_text")}
        action={t("backup.make.delete")}
        run={async () => cache.setQueryData(keys.backups, await api.deleteMadeBackup())}
      />
    </Card>
  );
}
