// Factory reset: for somebody who means it. The name must be typed and the password given again.
import { Button, Checkbox, Group, Modal, PasswordInput, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconTrashX } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, Refusal } from "../../api/client";
import type { BoxView } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { Card } from "./Card";

export function DangerZone({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const { t: shared } = useTranslation("shared");
  const [opened, dialog] = useDisclosure(false);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [force, setForce] = useState(false);
  const reset = useMutation({
    mutationFn: () => api.resetBox({ name: name.trim(), password, force }),
  });
  const recording = reset.error instanceof Refusal && reset.error.code === "reset_while_recording";
  const close = () => {
    reset.reset();
    setPassword("");
    setForce(false);
    dialog.close();
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    reset.mutate();
  };
  return (
    <Card title={t("danger.title")} text={t("danger.text")}>
      <Group>
        <Button
          color="red.8"
          leftSection={<IconTrashX size={18} aria-hidden />}
          onClick={dialog.open}
        >
          {t("danger.reset")}
        </Button>
      </Group>
      <Modal
        opened={opened}
        onClose={close}
        title={t("danger.ask", { name: box.name })}
        closeButtonProps={{ "aria-label": shared("close") }}
      >
        {reset.isSuccess ? (
          <Text role="status">{t("danger.done")}</Text>
        ) : (
          <form onSubmit={submit} style={{ display: "grid", gap: 16 }}>
            <Text>{t("danger.lost")}</Text>
            <TextInput
              label={t("danger.name", { name: box.name })}
              value={name}
              autoComplete="off"
              data-autofocus
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <PasswordInput
              label={t("danger.password")}
              value={password}
              autoComplete="current-password"
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            {(recording || force) && (
              <Checkbox
                label={t("danger.force")}
                checked={force}
                onChange={(event) => setForce(event.currentTarget.checked)}
              />
            )}
            {reset.error && <Failure error={reset.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {shared("cancel")}
              </Button>
              <Button
                type="submit"
                color="red.8"
                loading={reset.isPending}
                disabled={name.trim() !== box.name || password === ""}
              >
                {t("danger.reset")}
              </Button>
            </Group>
          </form>
        )}
      </Modal>
    </Card>
  );
}
