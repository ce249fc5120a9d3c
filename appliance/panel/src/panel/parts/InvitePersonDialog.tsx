// Makes an invitation to the box, and shows its link once.
import { Button, Center, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Role } from "../../api/schema";
import { ShownOnce } from "../settings/ShownOnce";
import { Failure } from "./Failure";
import { RoleSelect } from "./RoleSelect";

const SPANS = ["3600", "86400", "604800", "2592000"] as const;
const USUAL = "604800";

export function InvitePersonDialog({ opened, close }: { opened: boolean; close: () => void }) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("people_page.invite_title")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Form close={close} />
    </Modal>
  );
}

function Form({ close }: { close: () => void }) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [span, setSpan] = useState<(typeof SPANS)[number]>(USUAL);
  const work = useMutation({
    mutationFn: () => api.invitePerson({ name: name.trim(), role, expires_in_s: Number(span) }),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.personInvites }),
  });
  if (work.data) {
    // Behind #, so that no server's log has it.
    const link = `${location.origin}/panel/welcome#invite=${work.data.secret}`;
    return (
      <ShownOnce fields={[{ label: t("people_page.invite_link"), value: link }]} done={close}>
        <Text size="sm">{t("people_page.invite_text", { name: work.data.name })}</Text>
        <Center>
          <div className="qr">
            <QRCodeSVG value={link} size={184} level="M" title={t("people_page.invite_qr")} />
          </div>
        </Center>
      </ShownOnce>
    );
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() !== "") work.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t("people_page.invite_name")}
          description={t("people_page.invite_name_text")}
          value={name}
          maxLength={100}
          required
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <RoleSelect
          label={t("people_page.invite_role")}
          description={t(`people_page.may.${role}`)}
          inputWrapperOrder={["label", "input", "description", "error"]}
          value={role}
          change={setRole}
        />
        <Select
          label={t("people_page.invite_expires")}
          data={SPANS.map((value) => ({ value, label: t(`people_page.invite_days.${value}`) }))}
          value={span}
          allowDeselect={false}
          onChange={(value) => setSpan(SPANS.find((one) => one === value) ?? USUAL)}
        />
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button type="submit" loading={work.isPending} disabled={name.trim() === ""}>
            {t("people_page.invite_make")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
