// The password once more, or the code of an app: that it is really whoever is signed in.
import { Button, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { useRefusalText } from "../../i18n/refusal";

interface AskedProps {
  close: () => void;
  text: string;
  field: "password" | "code";
  action: string;
  work: { mutate: (typed: string) => void; isPending: boolean; error: unknown };
}

/** Asks for one thing that proves who it is. */
export function Asked({ close, text, field, action, work }: AskedProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const textOf = useRefusalText();
  const [typed, setTyped] = useState("");
  const error = work.error ? textOf(work.error) : null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (typed !== "") work.mutate(typed);
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{text}</Text>
        {field === "password" ? (
          <PasswordInput
            label={t("factor.password")}
            value={typed}
            data-autofocus
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
            onChange={(event) => setTyped(event.currentTarget.value)}
            error={error}
          />
        ) : (
          <TextInput
            label={t("factor.code")}
            value={typed}
            inputMode="numeric"
            autoComplete="one-time-code"
            maxLength={12}
            onChange={(event) => setTyped(event.currentTarget.value)}
            error={error}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button type="submit" loading={work.isPending} disabled={typed === ""}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
