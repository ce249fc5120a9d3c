// The way to the page of backups, and how those stand that the box makes by itself.
import { Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconArchive, IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { usePlan } from "../backup/Planned";
import { Ago } from "../parts/Ago";
import { Card } from "./Card";

export function BackupCard() {
  const { t } = useTranslation("panel");
  const plan = usePlan().data;
  return (
    <Card title={t("backup.title")} text={t("backup.card_text")}>
      {plan && !plan.plan && (
        <Text size="sm" c="dimmed">
          {t("backup.plan.none_short")}
        </Text>
      )}
      {plan?.places.map((place) => (
        <Group key={place.target} gap="xs" wrap="nowrap" align="flex-start">
          {place.old || !place.good ? (
            <IconAlertTriangle size={18} aria-hidden style={{ flex: "none" }} />
          ) : (
            <IconCircleCheck size={18} aria-hidden color="var(--mantine-color-teal-6)" style={{ flex: "none" }} />
          )}
          <Text size="sm" style={{ overflowWrap: "anywhere", minWidth: 0 }}>
            {place.good ? (
              <>
                {t("backup.place.good")} <Ago at={place.good.made_at} /> {t("backup.place.at", { name: place.name })}
              </>
            ) : (
              t("backup.place.none", { name: place.name })
            )}
          </Text>
        </Group>
      ))}
      <Button
        component={Link}
        href="/settings/backup"
        variant="default"
        leftSection={<IconArchive size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("backup.title")}
      </Button>
    </Card>
  );
}
