// The way to the audit log.
import { Button } from "@mantine/core";
import { IconListSearch } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Card } from "./Card";

export function AuditCard() {
  const { t } = useTranslation("panel");
  return (
    <Card title={t("audit.title")} text={t("audit.text")}>
      <Button
        component={Link}
        href="/settings/audit"
        variant="default"
        leftSection={<IconListSearch size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("audit.title")}
      </Button>
    </Card>
  );
}
