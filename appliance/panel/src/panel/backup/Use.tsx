// A backup that lies here is tried, and then perhaps restored.
import { Button, Group, PasswordInput, Radio, Stack, Text } from "@mantine/core";
import { IconTestPipe, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { ABORTED, api, Refusal, uploadBackup } from "../../api/client";
import { keys } from "../../api/keys";
import type { Backups, BackupSource, BoxView } from "../../api/schema";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { Card } from "../settings/Card";
import { useFormat } from "../wording";
import { Drilled } from "./Drilled";
import { RestoreDialog } from "./RestoreDialog";
import { UploadFile } from "./UploadFile";
import { Cancelled, WORK, Working } from "./Working";

/** One that is cancelled elsewhere is answered before all of it was read: browsers may lose that answer. */
const send: typeof uploadBackup = (file, ...how) =>
  uploadBackup(file, ...how).catch(async (error: unknown) => {
    if (!(error instanceof Refusal) || error.status !== 0 || error.code === ABORTED) throw error;
    const now = await api.backups().catch(() => null);
    if (now?.cancelled !== "receiving") throw error;
    throw new Refusal(409, { code: "backup_cancelled", message: error.message });
  });

export function Use({ backups, box }: { backups: Backups; box: BoxView }) {
  const { t } = useTranslation(["panel", "shared"]);
  const format = useFormat();
  const cache = useQueryClient();
  const { made, uploaded, work } = backups;
  const [chosen, setChosen] = useState<BackupSource | null>(null);
  const [passphrase, setPassphrase] = useState("");
  const [asking, setAsking] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const there = chosen === "uploaded" ? uploaded : chosen === "made" ? made : null;
  const source = (there && chosen) ?? (uploaded ? "uploaded" : made ? "made" : null);
  const drill = useMutation({
    mutationKey: WORK,
    mutationFn: (of: BackupSource) => api.drillBackup(of, passphrase),
  });
  const cancelled = drill.error instanceof Refusal && drill.error.code === "backup_cancelled";
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (source) drill.mutate(source);
  };
  const choose = (of: BackupSource) => {
    drill.reset();
    setChosen(of);
  };
  return (
    <Card title={t("backup.use.title")} text={t("backup.use.text")}>
      <UploadFile
        may={work === null}
        elsewhere={work === "receiving" && <Working backups={backups} />}
        send={send}
        done={() => {
          choose("uploaded");
          void cache.invalidateQueries({ queryKey: keys.backups });
        }}
      />
      {source === null ? (
        <Text size="sm" c="dimmed">
          {t("backup.use.none")}
        </Text>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="sm" maw={480}>
            <Radio.Group
              label={t("backup.use.which")}
              value={source}
              onChange={(of) => choose(of as BackupSource)}
            >
              <Stack gap="xs" mt="xs">
                {uploaded && (
                  <Radio
                    value="uploaded"
                    label={t("backup.use.uploaded", {
                      when: format.dateTime(uploaded.at),
                      bytes: format.bytes(uploaded.bytes),
                    })}
                  />
                )}
                {made && (
                  <Radio
                    value="made"
                    label={t("backup.use.made", { when: format.dateTime(made.at) })}
                  />
                )}
              </Stack>
            </Radio.Group>
            <PasswordInput
              label={t("backup.passphrase")}
              value={passphrase}
              autoComplete="off"
              visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
              onChange={(event) => setPassphrase(event.currentTarget.value)}
            />
            <Group>
              <Button
                type="submit"
                variant="default"
                loading={drill.isPending}
                disabled={passphrase === "" || work !== null}
                leftSection={<IconTestPipe size={18} aria-hidden />}
              >
                {t("backup.use.drill")}
              </Button>
              {source === "uploaded" && (
                <Button
                  variant="default"
                  disabled={work !== null}
                  leftSection={<IconTrash size={18} aria-hidden />}
                  onClick={() => setDeleting(true)}
                >
                  {t("backup.use.delete")}
                </Button>
              )}
            </Group>
          </Stack>
        </form>
      )}
      {(work === "looking" || work === "restoring") && <Working backups={backups} />}
      <Cancelled backups={backups} of={["looking", "restoring", "receiving"]} />
      {drill.error && !cancelled && <Failure error={drill.error} />}
      {drill.data && source && (
        <>
          <Drilled report={drill.data} restore={() => setAsking(true)} />
          <RestoreDialog
            opened={asking}
            close={() => setAsking(false)}
            report={drill.data}
            backups={backups}
            box={box}
            source={source}
            passphrase={passphrase}
          />
        </>
      )}
      <Confirm
        opened={deleting}
        close={() => setDeleting(false)}
        title={t("backup.use.delete_title")}
        text={t("backup.use.delete_text")}
        action={t("backup.use.delete")}
        run={async () => cache.setQueryData(keys.backups, await api.deleteUploadedBackup())}
        done={() => drill.reset()}
      />
    </Card>
  );
}
