// Makes an API token: what it is for, what it may do, how long it works.
import { Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import type { NewApiToken, Role } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { RoleSelect } from "../parts/RoleSelect";

const SPANS = ["never", "2592000", "31536000"] as const;

interface TokenDialogProps {
  /** The role of whoever makes it. */
  role: Role;
  opened: boolean;
  close: () => void;
  made: (token: NewApiToken) => void;
}

export function TokenDialog({ opened, close, ...rest }: TokenDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("api_tokens.create")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Form close={close} {...rest} />
    </Modal>
  );
}

function Form({ role: own, close, made }: Omit<TokenDialogProps, "opened">) {
  const { t } = useTranslation(["panel", "shared"]);
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>(own);
  const [span, setSpan] = useState<(typeof SPANS)[number]>("never");
  const work = useMutation({
    mutationFn: () =>
      api.createToken({
        name: name.trim(),
        role,
        ...(span !== "never" && { expires_in_s: Number(span) }),
      }),
    onSuccess(token) {
      made(token);
      close();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() !== "") work.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t("api_tokens.name")}
          description={t("api_tokens.name_text")}
          value={name}
          maxLength={100}
          required
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <RoleSelect
          label={t("api_tokens.role")}
          description={t(`people_page.may.${role}`)}
          inputWrapperOrder={["label", "input", "description", "error"]}
          value={role}
          most={own}
          change={setRole}
        />
        <Select
          label={t("api_tokens.expires")}
          data={SPANS.map((value) => ({ value, label: t(`api_tokens.span.${value}`) }))}
          value={span}
          allowDeselect={false}
          onChange={(value) => setSpan(SPANS.find((one) => one === value) ?? "never")}
        />
        {work.error && <Failure error={work.error} />}
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
