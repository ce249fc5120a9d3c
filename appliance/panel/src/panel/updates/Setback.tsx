import { Alert, Stack, Text } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { PastUpdate } from "../../api/schema";
import { useFormat } from "../wording";

/** Why the box went back, in sentences. */
export function useWhy(): (past: PastUpdate) => string {
  const { t } = useTranslation("panel");
  return (past) => {
    const why =
      past.why === "health" && past.detail !== null
        ? t("updates.setback.health", { detail: past.detail })
        : t(`updates.setback.${past.why === "health" ? "health_plain" : (past.why ?? "unknown")}`);
    const tries = past.tries ? t("updates.setback.tries", { count: past.tries }) : "";
    return [why, tries].filter(Boolean).join(" ");
  };
}

export function Setback({ past }: { past: PastUpdate }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const why = useWhy();
  const { version, from_version: back, at } = past;
  return (
    <Alert
      color="orange"
      icon={<IconArrowBackUp size={20} aria-hidden />}
      title={
        version === null
          ? t("updates.setback.title_unknown")
          : t("updates.setback.title", { version })
      }
    >
      <Stack gap={4}>
        <Text size="sm">{why(past)}</Text>
        <Text size="sm">
          {t("updates.setback.back", { version: back, when: format.dateTime(at) })}
        </Text>
      </Stack>
    </Alert>
  );
}
