// Asks before something that cannot be taken back. Names what goes.
import { Button, Group, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "./Failure";

interface ConfirmProps {
  opened: boolean;
  close: () => void;
  title: string;
  text: string;
  action: string;
  /** The password of whoever asks, if it is asked for. */
  run: (password: string) => Promise<unknown>;
  /** The password is asked for once more. */
  password?: boolean;
  done?: () => void;
}

export function Confirm({ opened, close, title, text, action, run, done, password = false }: ConfirmProps) {
  const { t } = useTranslation(["shared", "panel"]);
  const [typed, setTyped] = useState("");
  const work = useMutation({
    mutationFn: () => run(typed),
    onSuccess() {
      setTyped("");
      close();
      done?.();
    },
  });
  const leave = () => {
    work.reset();
    setTyped("");
    close();
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    // It may stand within a form of the page.
    event.stopPropagation();
    work.mutate();
  };
  return (
    <Modal opened={opened} onClose={leave} title={title} closeButtonProps={{ "aria-label": t("close") }}>
      <form onSubmit={submit}>
      <Stack>
        <Text>{text}</Text>
        {password && (
          <PasswordInput
            label={t("panel:danger.password")}
            value={typed}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": t("panel:show_password") }}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        )}
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={leave} data-autofocus>
            {t("cancel")}
          </Button>
          <Button type="submit" color="red.8" loading={work.isPending} disabled={password && typed === ""}>
            {action}
          </Button>
        </Group>
      </Stack>
      </form>
    </Modal>
  );
}
