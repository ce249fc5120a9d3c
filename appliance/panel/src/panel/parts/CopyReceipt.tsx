// Each file at a target with its checksum: what one shows to whoever doubts that it is there.
import { ActionIcon, Group, Stack, Text } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconAlertTriangle, IconCheck, IconCircleCheck, IconCopy, IconHourglass } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Copy, CopyState } from "../../api/schema";
import type { CopiesAt } from "../../targets";
import { useFormat } from "../wording";

const LOOKS = {
  waiting: { icon: IconHourglass, color: "dimmed" },
  delivered: { icon: IconCircleCheck, color: "teal" },
  given_up: { icon: IconAlertTriangle, color: "var(--mantine-color-error)" },
} as const satisfies Record<CopyState, object>;

export function CopyReceipt({ at, name }: { at: CopiesAt; name: string }) {
  const { t } = useTranslation("panel");
  return (
    <details>
      <summary className="file-link" aria-label={`${t("copies.receipt", { count: at.copies.length })}, ${name}`}>
        {t("copies.receipt", { count: at.copies.length })}
      </summary>
      <Stack gap="sm" mt="xs">
        {at.folder && (
          <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {t("copies.folder")} <span className="mono">{at.folder}</span>
          </Text>
        )}
        <Stack
          gap="sm"
          component="ul"
          aria-label={t("copies.receipt_of", { name })}
          m={0}
          p={0}
          style={{ listStyle: "none" }}
        >
          {at.copies.map((copy) => (
            <FileRow key={copy.name} copy={copy} shown={at.folder ? copy.file : copy.name} />
          ))}
        </Stack>
      </Stack>
    </details>
  );
}

function FileRow({ copy, shown }: { copy: Copy; shown: string }) {
  const { t } = useTranslation(["panel", "shared"]);
  const format = useFormat();
  const clipboard = useClipboard({ timeout: 2_000 });
  const { icon: Picture, color } = LOOKS[copy.state];
  const { sha256 } = copy;
  return (
    <Group component="li" wrap="nowrap" align="flex-start" gap="xs">
      <Text c={color} lh={1} mt={2} component="span">
        <Picture size={16} role="img" aria-label={t(`copies.file_state.${copy.state}`)} />
      </Text>
      <Stack gap={2} miw={0} flex={1}>
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {shown}{" "}
          <Text span c="dimmed" size="sm">
            {format.bytes(copy.bytes)}
          </Text>
        </Text>
        <Text size="xs" c="dimmed" className={sha256 ? "mono" : undefined}>
          {sha256 ?? t("copies.no_sum")}
        </Text>
      </Stack>
      {sha256 && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={clipboard.copied ? t("shared:copied") : t("copies.copy_sum", { file: shown })}
          onClick={() => clipboard.copy(sha256)}
        >
          {clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
        </ActionIcon>
      )}
    </Group>
  );
}
