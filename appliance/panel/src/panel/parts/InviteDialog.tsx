// The link for guests: to copy, to scan, to renew.
import { Button, Center, Modal, Stack, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useTranslation } from "react-i18next";
import { api, inviteLink } from "../../api/client";
import { keys } from "../../api/keys";
import type { Room } from "../../api/schema";
import { CopyField } from "./CopyField";
import { Failure } from "./Failure";

interface InviteDialogProps {
  room: Room;
  opened: boolean;
  close: () => void;
}

export function InviteDialog({ room, opened, close }: InviteDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("invite.title", { name: room.name })}
      size="md"
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Invite room={room} />
    </Modal>
  );
}

export function Invite({ room }: { room: Room }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const renew = useMutation({
    mutationFn: () => api.renewInvite(room.id),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.rooms }),
  });
  const link = inviteLink(room, location.origin);
  if (link === null) return <Text>{t("invite.none")}</Text>;
  return (
    <Stack>
      <Text size="sm">{t("invite.text")}</Text>
      <CopyField label={t("invite.link")} value={link} />
      <Center>
        <div className="qr">
          <QRCodeSVG value={link} size={184} level="M" title={t("invite.qr", { name: room.name })} />
        </div>
      </Center>
      {renew.error && <Failure error={renew.error} />}
      <Button
        variant="subtle"
        color="gray"
        h="auto"
        py="xs"
        styles={{ label: { whiteSpace: "normal" } }}
        leftSection={<IconRefresh size={16} aria-hidden />}
        loading={renew.isPending}
        onClick={() => renew.mutate()}
      >
        {t("invite.renew")}
      </Button>
    </Stack>
  );
}
