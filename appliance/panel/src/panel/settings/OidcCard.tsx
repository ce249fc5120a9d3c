// The way to the page of the house's sign-in service.
import { Button } from "@mantine/core";
import { IconBuilding } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Card } from "./Card";

export function OidcCard() {
  const { t } = useTranslation("panel");
  return (
    <Card title={t("oidc.title")} text={t("oidc.lead")}>
      <Button
        component={Link}
        href="/settings/sign-in"
        variant="default"
        leftSection={<IconBuilding size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("oidc.open")}
      </Button>
    </Card>
  );
}
