// The way to the fleet's page.
import { Button } from "@mantine/core";
import { IconTopologyStar3 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Card } from "./Card";

export function FleetCard() {
  const { t } = useTranslation("panel");
  return (
    <Card title={t("nav.fleet")} text={t("fleet.lead")}>
      <Button
        component={Link}
        href="/settings/fleet"
        variant="default"
        leftSection={<IconTopologyStar3 size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("nav.fleet")}
      </Button>
    </Card>
  );
}
