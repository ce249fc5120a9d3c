// The link for guests: to copy, to scan, to renew.
import { Button, Center, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconRefresh } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useTranslation } from "react-i18next";
import { api, inviteLink } from "../../api/client";
import { keys } from "../../api/keys";
import type { Room } from "../../api/schema";
import { Confirm } from "./Confirm";
import { CopyField } from "./CopyField";

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
  const [renewing, renew] = useDisclosure(false);
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
      <Button
        variant="subtle"
        color="gray"
        leftSection={<IconRefresh size={16} aria-hidden />}
        onClick={renew.open}
      >
        {t("invite.renew")}
      </Button>
      <Confirm
        opened={renewing}
        close={renew.close}
        title={t("invite.renew_title")}
        text={t("invite.renew_text")}
        action={t("invite.renew")}
        run={() => api.renewInvite(room.id)}
        done={() => void cache.invalidateQueries({ queryKey: keys.rooms })}
      />
    </Stack>
  );
}
