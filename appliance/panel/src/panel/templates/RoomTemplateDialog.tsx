// Gives one room the settings of a template: which, what will be different, and then it is done.
import { Anchor, Button, Group, Modal, Select, Skeleton, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { keys } from "../../api/keys";
import type { Room, RoomTemplate } from "../../api/schema";
import { templates } from "../../api/templates";
import { Failure } from "../parts/Failure";
import { Look } from "./ApplyDialog";
import { Gone, Says } from "./TemplatesPage";

interface RoomTemplateDialogProps {
  room: Room;
  opened: boolean;
  close: () => void;
}

export function RoomTemplateDialog({ room, opened, close }: RoomTemplateDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  // Whoever closes it in the middle would never hear what was refused.
  const [busy, setBusy] = useState(false);
  return (
    <Modal
      opened={opened}
      onClose={() => !busy && close()}
      withCloseButton={!busy}
      size="lg"
      title={t("applying.room_title", { name: room.name })}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Steps room={room} close={close} busy={setBusy} />
    </Modal>
  );
}

interface StepsProps {
  room: Room;
  close: () => void;
  busy: (now: boolean) => void;
}

function Steps({ room, close, busy }: StepsProps) {
  const [template, choose] = useState<RoomTemplate>();
  const look = useMutation({
    mutationFn: async (wanted: RoomTemplate) => ({
      template: wanted,
      previews: (await templates.preview(wanted.id, [room.id])).items,
    }),
  });
  return look.data ? (
    <Look {...look.data} back={look.reset} close={close} busy={busy} />
  ) : (
    <Choose
      template={template}
      choose={choose}
      next={look.mutate}
      loading={look.isPending}
      error={look.error}
    />
  );
}

interface ChooseProps {
  template: RoomTemplate | undefined;
  choose: (template: RoomTemplate | undefined) => void;
  next: (template: RoomTemplate) => void;
  loading: boolean;
  error: unknown;
}

function Choose({ template, choose, next, loading, error }: ChooseProps) {
  const { t } = useTranslation("panel");
  const list = useQuery({ queryKey: keys.roomTemplates, queryFn: templates.list });
  if (list.isPending) return <Skeleton height={96} />;
  const all = list.data?.items ?? [];
  return (
    <Stack>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.data && all.length === 0 && (
        <Text c="dimmed">
          {t("applying.no_templates")}{" "}
          <Anchor component={Link} href="/rooms/templates" underline="always" inherit>
            {t("applying.to_templates")}
          </Anchor>
        </Text>
      )}
      {all.length > 0 && (
        <Select
          label={t("templates.pick")}
          description={t("applying.room_text")}
          placeholder={t("applying.pick")}
          allowDeselect={false}
          data={all.map(({ id, name }) => ({ value: id, label: name }))}
          value={template?.id ?? null}
          onChange={(wanted) => choose(all.find(({ id }) => id === wanted))}
        />
      )}
      {template && <Says template={template} />}
      {template && <Gone template={template} />}
      {error !== null && <Failure error={error} />}
      {all.length > 0 && (
        <Group justify="flex-end">
          <Button loading={loading} disabled={!template} onClick={() => template && next(template)}>
            {t("applying.next")}
          </Button>
        </Group>
      )}
    </Stack>
  );
}
