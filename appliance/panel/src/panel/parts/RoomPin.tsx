// The PIN of a room: to read out, to copy, to change.
import { Button, Group, Modal, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconRefresh } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys";
import { rooms } from "../../api/rooms";
import { CopyField } from "./CopyField";
import { Failure } from "./Failure";

export function RoomPin({ room }: { room: string }) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const pin = useQuery({ queryKey: keys.pin(room), queryFn: () => rooms.pin(room) });
  const [changing, dialog] = useDisclosure(false);
  const [own, setOwn] = useState("");
  const change = useMutation({
    mutationFn: () => rooms.changePin(room, own.trim() === "" ? undefined : own.trim()),
    onSuccess(changed) {
      cache.setQueryData(keys.pin(room), changed);
      close();
    },
  });
  const close = () => {
    dialog.close();
    setOwn("");
    change.reset();
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    change.mutate();
  };
  // What is known stays, and a PIN that is being typed with it.
  if (pin.error && !pin.data) return <Failure error={pin.error} retry={() => void pin.refetch()} />;
  if (!pin.data) return <Skeleton height={60} />;
  return (
    <Stack gap={4}>
      <CopyField label={t("rules.pin")} value={pin.data.pin ?? ""} />
      <Text size="xs" c="dimmed">
        {t("rules.pin_text")}
      </Text>
      <Group>
        <Button
          variant="subtle"
          color="gray"
          px="xs"
          leftSection={<IconRefresh size={16} aria-hidden />}
          onClick={dialog.open}
        >
          {t("rules.pin_change")}
        </Button>
      </Group>
      <Modal
        opened={changing}
        onClose={close}
        title={t("rules.pin_title")}
        closeButtonProps={{ "aria-label": t("shared:close") }}
      >
        <form onSubmit={submit}>
          <Stack>
            <Text size="sm">{t("rules.pin_dialog")}</Text>
            <TextInput
              label={t("rules.pin_own")}
              description={t("rules.pin_own_text")}
              inputMode="numeric"
              autoComplete="off"
              maxLength={8}
              value={own}
              onChange={(event) => setOwn(event.currentTarget.value)}
              data-autofocus
            />
            {change.error && <Failure error={change.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {t("shared:cancel")}
              </Button>
              <Button type="submit" loading={change.isPending}>
                {t("rules.pin_change")}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </Stack>
  );
}
