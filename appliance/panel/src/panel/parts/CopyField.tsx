// A text to take along: a link, a key, a secret.
import { Button, Group, TextInput } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

interface CopyFieldProps {
  label: string;
  value: string;
}

export function CopyField({ label, value }: CopyFieldProps) {
  const { t } = useTranslation("shared");
  const clipboard = useClipboard({ timeout: 2_000 });
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      <TextInput
        label={label}
        value={value}
        readOnly
        style={{ flex: 1 }}
        styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 14 } }}
        onFocus={(event) => event.currentTarget.select()}
      />
      <Button
        variant="light"
        onClick={() => clipboard.copy(value)}
        leftSection={
          clipboard.copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />
        }
      >
        <span aria-live="polite">{clipboard.copied ? t("copied") : t("copy")}</span>
      </Button>
    </Group>
  );
}
