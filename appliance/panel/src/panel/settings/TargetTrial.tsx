// What a test of a target has shown.
import { Alert, Loader, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { TargetTrial } from "../../api/schema";
import { useFormat } from "../wording";

interface TrialResultProps {
  trial: TargetTrial;
  /** What follows from it. */
  next?: string;
}

export function TrialResult({ trial, next }: TrialResultProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const seconds = format.number(trial.took_ms / 1000, 1);
  const Picture = trial.works ? IconCircleCheck : IconAlertTriangle;
  return (
    <Alert
      role="status"
      p="xs"
      w="100%"
      color={trial.works ? "teal" : "red"}
      icon={<Picture size={18} aria-hidden />}
    >
      <Stack gap={4}>
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {trial.works
            ? t("targets.test_ok", { seconds })
            : t("targets.test_failed", { error: trial.error })}
        </Text>
        {next && <Text size="sm">{next}</Text>}
      </Stack>
    </Alert>
  );
}

export function Testing() {
  const { t } = useTranslation("panel");
  return (
    <Group gap="sm" wrap="nowrap" role="status">
      <Loader size="sm" />
      <Text size="sm" c="dimmed">
        {t("targets.testing")}
      </Text>
    </Group>
  );
}
