// What a backup has and what it has not, and why not.
import { List, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconCheck, IconMinus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Backups } from "../../api/schema";
import { Card } from "../settings/Card";

export function Lists({ backups }: { backups: Backups }) {
  const { t, i18n } = useTranslation("panel");
  // A newer box may list what this page has no words for.
  const said = (key: string, otherwise: string) =>
    i18n.exists(key, { ns: "panel" }) ? t(key as "backup.title") : otherwise;
  return (
    <Card title={t("backup.lists.title")}>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
        <Stack gap="xs">
          <Title order={3} size="h5">
            {t("backup.lists.inside")}
          </Title>
          <List spacing="xs" size="sm" icon={<IconCheck size={18} color="var(--plot-line)" aria-hidden />}>
            {backups.inside.map(({ code, what }) => (
              <List.Item key={code}>{said(`backup.inside.${code}`, what)}</List.Item>
            ))}
          </List>
        </Stack>
        <Stack gap="xs">
          <Title order={3} size="h5">
            {t("backup.lists.outside")}
          </Title>
          <List spacing="xs" size="sm" icon={<IconMinus size={18} aria-hidden />}>
            {backups.outside.map(({ code, what, why }) => (
              <List.Item key={code}>
                {said(`backup.outside.${code}`, what)}
                <Text size="sm" c="dimmed">
                  {said(`backup.why.${code}`, why)}
                </Text>
              </List.Item>
            ))}
          </List>
        </Stack>
      </SimpleGrid>
    </Card>
  );
}
