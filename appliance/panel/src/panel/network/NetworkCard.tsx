// The way to the page of the network and the clock.
import { Button } from "@mantine/core";
import { IconNetwork } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Card } from "../settings/Card";

export function NetworkCard() {
  const { t } = useTranslation("panel");
  return (
    <Card title={t("network.title")} text={t("network.card_text")}>
      <Button
        component={Link}
        href="/settings/network"
        variant="default"
        leftSection={<IconNetwork size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("network.title")}
      </Button>
    </Card>
  );
}
