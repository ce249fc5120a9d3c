// The way to the page of certificates.
import { Button } from "@mantine/core";
import { IconCertificate } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Card } from "./Card";

export function CertificatesCard() {
  const { t } = useTranslation("panel");
  return (
    <Card title={t("certificates.title")} text={t("certificates.text")}>
      <Button
        component={Link}
        href="/settings/certificates"
        variant="default"
        leftSection={<IconCertificate size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("certificates.title")}
      </Button>
    </Card>
  );
}
