// The box's own authority: where a device finds out how to install it.
import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { QRCodeSVG } from "qrcode.react";
import { useTranslation } from "react-i18next";
import type { CertificatesView } from "../../api/schema";
import { Card } from "../settings/Card";
import { Facts } from "./Shown";

export function Own({ view }: { view: CertificatesView }) {
  const { t } = useTranslation("panel");
  // By plain HTTP, under the host that this device reaches: the box answers there with the page.
  const page = `http://${location.hostname}/trust`;
  return (
    <Card title={t("certificates.own.title")} text={t("certificates.own.text")}>
      <Group align="flex-start" gap="lg">
        <QRCodeSVG value={page} size={148} marginSize={2} title={t("certificates.own.qr")} />
        <Stack gap="sm" flex={1} miw={220} align="flex-start">
          <Text size="sm">{t("certificates.own.qr_text")}</Text>
          <Anchor href={page} size="sm" style={{ overflowWrap: "anywhere" }}>
            {page}
          </Anchor>
          <Button
            component="a"
            href="/ca.crt"
            variant="default"
            leftSection={<IconDownload size={18} aria-hidden />}
          >
            {t("certificates.own.download")}
          </Button>
        </Stack>
      </Group>
      {view.served && view.own && (
        <Stack gap="xs">
          <Text fw={600}>{t("certificates.own.shown")}</Text>
          <Facts facts={view.own} uncovered={[]} />
        </Stack>
      )}
    </Card>
  );
}
