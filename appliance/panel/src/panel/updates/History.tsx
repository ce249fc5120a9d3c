// What has been installed on this box, and what became of it.
import { Group, Skeleton, Stack, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconArrowsExchange,
  IconCircleCheck,
  IconDownload,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { PastUpdate } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Failure } from "../parts/Failure";
import { Card } from "../settings/Card";
import { useWhy } from "./Setback";

const PICTURES = {
  installed: IconDownload,
  switched: IconArrowsExchange,
  failed: IconAlertTriangle,
  confirmed: IconCircleCheck,
  rolled_back: IconArrowBackUp,
} as const;

export function History() {
  const { t } = useTranslation("panel");
  const history = useQuery({ queryKey: keys.updateHistory, queryFn: api.updateHistory });
  return (
    <Card title={t("updates.history.title")}>
      {history.error && <Failure error={history.error} retry={() => void history.refetch()} />}
      {history.isPending && <Skeleton height={80} radius="md" />}
      {history.data?.items.length === 0 && (
        <Text c="dimmed" size="sm">
          {t("updates.history.none")}
        </Text>
      )}
      {history.data && history.data.items.length > 0 && (
        <Stack gap="sm" component="ol" m={0} p={0} style={{ listStyle: "none" }}>
          {history.data.items.map((past) => (
            <li key={past.id}>
              <Past past={past} />
            </li>
          ))}
        </Stack>
      )}
    </Card>
  );
}

function Past({ past }: { past: PastUpdate }) {
  const { t } = useTranslation("panel");
  const why = useWhy();
  const Picture = PICTURES[past.what];
  const version = past.version ?? "–";
  const words =
    past.what === "failed" && past.version === null
      ? t("updates.history.failed_unknown")
      : t(`updates.history.${past.what}`, { version });
  const more = past.what === "rolled_back" ? why(past) : past.detail;
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start">
      <Picture size={20} aria-hidden style={{ flex: "none", marginTop: 2 }} />
      <Stack gap={0} miw={0}>
        <Text size="sm" fw={500}>
          {words}
        </Text>
        {more && (
          <Text size="sm" className="sentence">
            {more}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          <Ago at={past.at} />
        </Text>
      </Stack>
    </Group>
  );
}
