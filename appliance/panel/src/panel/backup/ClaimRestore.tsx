// A box without an owner takes a backup: by whoever knows its code.
import { Button, Group, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, uploadClaimBackup } from "../../api/client";
import type { BoxView, RestoreAs } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { Restarting } from "./Restarting";
import { UploadFile } from "./UploadFile";
import { WhoAfter } from "./WhoAfter";

interface ClaimRestoreProps {
  box: BoxView;
  code: string;
  back: () => void;
}

export function ClaimRestore({ box, code, back }: ClaimRestoreProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const [sent, setSent] = useState(false);
  const [passphrase, setPassphrase] = useState("");
  const [who, setWho] = useState<RestoreAs | null>(null);
  const restore = useMutation({
    mutationFn: (restore_as: RestoreAs) => api.claimRestore({ code, passphrase, restore_as }),
  });
  if (restore.isSuccess) return <Restarting box={box} />;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (who) restore.mutate(who);
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Stack gap={4}>
          <Title order={1}>
            {t("backup.claim.title")}
          </Title>
          <Text size="sm" c="dimmed">
            {t("backup.claim.lead")}
          </Text>
        </Stack>
        {!sent && (
          <UploadFile
            may
            send={(file, progress, signal) => uploadClaimBackup(file, code, progress, signal)}
            done={() => setSent(true)}
          />
        )}
        {sent && (
          <>
            <PasswordInput
              label={t("backup.passphrase")}
              value={passphrase}
              autoComplete="off"
              visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
              onChange={(event) => setPassphrase(event.currentTarget.value)}
            />
            <WhoAfter value={who} choose={setWho} name={null} keys />
          </>
        )}
        {restore.error && <Failure error={restore.error} />}
        <Group justify="space-between">
          <Button variant="default" onClick={back}>
            {t("backup.claim.back")}
          </Button>
          {sent && (
            <Button
              type="submit"
              loading={restore.isPending}
              disabled={passphrase === "" || who === null}
            >
              {t("backup.restore.run")}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  );
}
