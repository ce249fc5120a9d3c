// Makes a room, from a template if somebody keeps some.
import { Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Room, RoomTemplate } from "../../api/schema";
import { templates } from "../../api/templates";
import { useRefusalText } from "../../i18n/refusal";
import { Failure } from "../parts/Failure";
import { Gone, Says } from "./TemplatesPage";

const NONE = "none";

interface NewRoomDialogProps {
  opened: boolean;
  close: () => void;
  done: (room: Room) => void;
}

export function NewRoomDialog({ opened, close, done }: NewRoomDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("rooms.new")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Form close={close} done={done} />
    </Modal>
  );
}

function Form({ close, done }: Omit<NewRoomDialogProps, "opened">) {
  const { t } = useTranslation(["panel", "shared"]);
  const textOf = useRefusalText();
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<string>();
  const list = useQuery({ queryKey: keys.roomTemplates, queryFn: templates.list });
  const all = list.data?.items ?? [];
  const value = chosen ?? all.find((template) => template.default)?.id ?? NONE;
  const template = all.find(({ id }) => id === value);
  const work = useMutation({
    // While nobody knows which there are the box takes its default.
    mutationFn: () =>
      api.createRoom(name.trim(), list.data ? (value === NONE ? null : value) : undefined),
    onSuccess: done,
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() !== "") work.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t("rooms.name")}
          description={t("rooms.name_hint")}
          value={name}
          maxLength={100}
          required
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
          error={work.error ? textOf(work.error) : null}
        />
        {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
        {all.length > 0 && (
          <Select
            label={t("templates.pick")}
            description={t("templates.pick_text")}
            allowDeselect={false}
            data={[
              { value: NONE, label: t("templates.pick_none") },
              ...all.map(({ id, name }: RoomTemplate) => ({ value: id, label: name })),
            ]}
            value={value}
            onChange={(wanted) => setChosen(wanted ?? undefined)}
          />
        )}
        {template && <Says template={template} />}
        {template && <Gone template={template} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button type="submit" loading={work.isPending} disabled={name.trim() === ""}>
            {t("rooms.create")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
