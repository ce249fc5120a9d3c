// Asks before something that cannot be taken back. Names what goes.
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Failure } from "./Failure";

interface ConfirmProps {
  opened: boolean;
  close: () => void;
  title: string;
  text: string;
  action: string;
  run: () => Promise<unknown>;
  done?: () => void;
}

export function Confirm({ opened, close, title, text, action, run, done }: ConfirmProps) {
  const { t } = useTranslation("shared");
  const work = useMutation({
    mutationFn: run,
    onSuccess() {
      close();
      done?.();
    },
  });
  const leave = () => {
    work.reset();
    close();
  };
  return (
    <Modal opened={opened} onClose={leave} title={title} closeButtonProps={{ "aria-label": t("close") }}>
      <Stack>
        <Text>{text}</Text>
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={leave} data-autofocus>
            {t("cancel")}
          </Button>
          <Button color="red.8" loading={work.isPending} onClick={() => work.mutate()}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
