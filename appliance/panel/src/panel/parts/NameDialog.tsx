// Asks for one name: a new room, a new name of a room or recording, an API token.
import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { useRefusalText } from "../../i18n/refusal";

interface NameDialogProps {
  opened: boolean;
  close: () => void;
  title: string;
  label: string;
  description?: string;
  placeholder?: string;
  initial?: string;
  /** Characters; a name has 100. */
  longest?: number;
  action: string;
  run: (name: string) => Promise<unknown>;
}

export function NameDialog(props: NameDialogProps) {
  const { t } = useTranslation("shared");
  return (
    <Modal
      opened={props.opened}
      onClose={props.close}
      title={props.title}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      <NameForm {...props} />
    </Modal>
  );
}

function NameForm({ close, label, description, placeholder, initial, longest = 100, action, run }: NameDialogProps) {
  const { t } = useTranslation("shared");
  const textOf = useRefusalText();
  const [name, setName] = useState(initial ?? "");
  const work = useMutation({ mutationFn: run, onSuccess: close });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() !== "") work.mutate(name.trim());
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={label}
          description={description}
          placeholder={placeholder}
          value={name}
          maxLength={longest}
          required
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
          error={work.error ? textOf(work.error) : null}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={work.isPending} disabled={name.trim() === ""}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
