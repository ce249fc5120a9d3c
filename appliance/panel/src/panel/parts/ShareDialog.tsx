// Makes a share link, and shows it once.
import { Button, Center, Group, Modal, PasswordInput, Select, Stack, Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Recording } from "../../api/schema";
import { ShownOnce } from "../settings/ShownOnce";
import { Failure } from "./Failure";

const SPANS = ["3600", "86400", "604800", "2592000", "31536000"] as const;
const USUAL = "604800";
/** As for owners. */
const PASSWORD_LEAST = 10;

interface ShareDialogProps {
  recording: Recording;
  opened: boolean;
  close: () => void;
}

export function ShareDialog({ recording, opened, close }: ShareDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("shares.create_title")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <ShareForm recording={recording.id} close={close} />
    </Modal>
  );
}

function ShareForm({ recording, close }: { recording: string; close: () => void }) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const [span, setSpan] = useState<(typeof SPANS)[number]>(USUAL);
  const [password, setPassword] = useState("");
  const [download, setDownload] = useState(false);
  const work = useMutation({
    mutationFn: () =>
      api.createShare(recording, {
        expires_in_s: Number(span),
        download,
        ...(password !== "" && { password }),
      }),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.shares }),
  });
  if (work.data) {
    const link = `${location.origin}/s/${work.data.token}`;
    return (
      <ShownOnce fields={[{ label: t("shares.link"), value: link }]} done={close}>
        <Center>
          <div className="qr">
            <QRCodeSVG value={link} size={160} level="M" title={t("shares.qr")} />
          </div>
        </Center>
      </ShownOnce>
    );
  }
  const short = password !== "" && [...password].length < PASSWORD_LEAST;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    work.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Select
          label={t("shares.expires")}
          data={SPANS.map((value) => ({ value, label: t(`shares.days.${value}`) }))}
          value={span}
          allowDeselect={false}
          onChange={(value) => setSpan(SPANS.find((one) => one === value) ?? USUAL)}
        />
        <PasswordInput
          label={t("shares.password")}
          description={t("shares.password_text")}
          value={password}
          maxLength={200}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Switch
          label={t("shares.download")}
          description={t("shares.download_text")}
          checked={download}
          onChange={(event) => setDownload(event.currentTarget.checked)}
        />
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button type="submit" loading={work.isPending} disabled={short}>
            {t("shares.make")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
