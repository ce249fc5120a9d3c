// How planned backups stand at a target: the last good one, and what is on its way.
import { Group, Progress, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconClock } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { BackupPlace } from "../../api/schema";
import { share } from "../../format";
import { Ago } from "../parts/Ago";
import { useFormat } from "../wording";

export function Place({ place }: { place: BackupPlace }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { good, waiting } = place;
  const [Picture, color] = place.old
    ? [IconAlertTriangle, "red"]
    : good
      ? [IconCircleCheck, "teal"]
      : [IconClock, "gray"];
  return (
    <Group component="li" gap="sm" wrap="nowrap" align="flex-start">
      <Picture size={20} aria-hidden color={`var(--mantine-color-${color}-6)`} style={{ flex: "none" }} />
      <Stack gap={4} style={{ flex: 1, minWidth: 0, overflowWrap: "anywhere" }}>
        <Text size="sm" fw={600}>
          {good ? (
            <>
              {t("backup.place.good")} <Ago at={good.made_at} /> {t("backup.place.at", { name: place.name })}
            </>
          ) : (
            t("backup.place.none", { name: place.name })
          )}
        </Text>
        {place.old && (
          <Text size="sm" c="red">
            {t("backup.place.old")}
          </Text>
        )}
        {good && (
          <details>
            <summary>
              <Text size="sm" span>
                {t("backup.place.receipt", { count: place.kept })}
              </Text>
            </summary>
            <Text size="xs" c="dimmed">
              {good.name} · {format.bytes(good.bytes)}
            </Text>
            <Text size="xs" c="dimmed">
              {t("backup.place.read_back", { when: format.dateTime(good.delivered_at) })}
            </Text>
            <Text size="xs" c="dimmed">
              SHA-256 {good.sha256}
            </Text>
          </details>
        )}
        {waiting && waiting.sent !== null && (
          <Progress
            value={waiting.bytes === 0 ? 5 : share(waiting.sent, waiting.bytes)}
            aria-label={t("backup.place.sending", { name: place.name })}
          />
        )}
        {waiting && waiting.sent === null && (
          <Text size="sm" c="dimmed">
            {place.open ? t("backup.place.waits") : t("backup.place.closed")}
            {waiting.error !== null && ` ${t("backup.place.failed", { message: waiting.error })}`}
            {waiting.next_at !== null && ` ${t("backup.place.again", { when: format.dateTime(waiting.next_at) })}`}
          </Text>
        )}
        {place.stays !== null && (
          <Text size="sm" c="dimmed">
            {t("backup.place.stays", { message: place.stays })}
          </Text>
        )}
      </Stack>
    </Group>
  );
}
