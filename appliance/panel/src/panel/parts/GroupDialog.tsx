// A group of settings: its name, and what its boxes are to have.
import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import type { FleetGroup, WishesView } from "../../api/schema";
import type { Named } from "../../wish";
import { Failure } from "./Failure";
import { WishedSettings } from "./WishedSettings";

interface GroupDialogProps {
  group: FleetGroup | "new";
  close: () => void;
  learn: (view: WishesView) => void;
}

export function GroupDialog({ group, close, learn }: GroupDialogProps) {
  const { t } = useTranslation("panel");
  const { t: shared } = useTranslation("shared");
  const fresh = group === "new";
  const [name, setName] = useState(fresh ? "" : group.name);
  const [settings, setSettings] = useState<Named>(fresh ? {} : group.settings);
  const save = useMutation({
    mutationFn: () => {
      const request = { name: name.trim(), settings };
      return fresh ? api.makeGroup(request) : api.changeGroup(group.id, request);
    },
    onSuccess(view) {
      learn(view);
      close();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal
      opened
      onClose={close}
      title={t(fresh ? "fleet.twin.group_new" : "fleet.twin.group_edit")}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t("fleet.twin.name")}
            value={name}
            maxLength={100}
            required
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <WishedSettings wanted={settings} change={setSettings} />
          {save.error && <Failure error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {shared("cancel")}
            </Button>
            <Button type="submit" loading={save.isPending} disabled={name.trim() === ""}>
              {t("save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
