// The way to the page of backups.
import { Button } from "@mantine/core";
import { IconArchive } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Card } from "./Card";

export function BackupCard() {
  const { t } = useTranslation("panel");
  return (
    <Card title={t("backup.title")} text={t("backup.card_text")}>
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
