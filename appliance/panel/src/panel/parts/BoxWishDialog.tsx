// What is wanted of one box: its group, where it is, and settings of its own.
import { Button, Group, Modal, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import type { BoxWish, FleetGroup, WishesView } from "../../api/schema";
import type { Named } from "../../wish";
import { Failure } from "./Failure";
import { WishedSettings } from "./WishedSettings";

interface BoxWishDialogProps {
  box: BoxWish;
  groups: FleetGroup[];
  close: () => void;
  learn: (view: WishesView) => void;
}

export function BoxWishDialog({ box, groups, close, learn }: BoxWishDialogProps) {
  const { t } = useTranslation("panel");
  const { t: shared } = useTranslation("shared");
  const [group, setGroup] = useState(box.group);
  const [site, setSite] = useState(box.site);
  const [settings, setSettings] = useState<Named>(box.settings);
  const save = useMutation({
    mutationFn: () => api.changeWish(box.id, { group, site: site.trim(), settings }),
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
      title={t("fleet.twin.box_title", { name: box.name })}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          <Select
            label={t("fleet.twin.group")}
            placeholder={t("fleet.twin.group_none")}
            clearable
            clearButtonProps={{ "aria-label": t("fleet.twin.group_none") }}
            data={groups.map(({ id, name }) => ({ value: id, label: name }))}
            value={group}
            onChange={setGroup}
          />
          <TextInput
            label={t("fleet.twin.site")}
            description={t("fleet.twin.site_text")}
            value={site}
            maxLength={100}
            onChange={(event) => setSite(event.currentTarget.value)}
          />
          <Stack gap={4}>
            <Title order={3} size="h5">
              {t("fleet.twin.own")}
            </Title>
            <Text size="sm" c="dimmed">
              {t("fleet.twin.own_text")}
            </Text>
          </Stack>
          <WishedSettings wanted={settings} change={setSettings} />
          {save.error && <Failure error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {shared("cancel")}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {t("save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
