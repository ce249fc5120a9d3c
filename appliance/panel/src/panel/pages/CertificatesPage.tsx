// Certificates: what browsers see, and the ways to a lock in their address bar, the best first.
import { Alert, Divider, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { CertificatesView } from "../../api/schema";
import { Acme } from "../certificates/Acme";
import { Own } from "../certificates/Own";
import { Request } from "../certificates/Request";
import { Shown } from "../certificates/Shown";
import { Upload } from "../certificates/Upload";
import { Detail } from "../parts/Detail";
import { Heading } from "../parts/Heading";
import { useMay } from "../session";
import { Card } from "../settings/Card";

export function CertificatesPage() {
  const view = useQuery({ queryKey: keys.certificates, queryFn: api.certificates });
  return (
    <Detail of="settings" query={view} height={480}>
      {(found) => <Found view={found} />}
    </Detail>
  );
}

function Found({ view }: { view: CertificatesView }) {
  const { t } = useTranslation("panel");
  const may = useMay();
  return (
    <>
      <Heading title={t("certificates.title")} lead={t("certificates.lead")} />
      <Stack gap="md" maw={760}>
        {!view.https && <Alert color="yellow">{t("certificates.dev")}</Alert>}
        <Shown view={view} />
        {may("run_certificates") && <Acme />}
        {may("run_certificates") && (
          <Card title={t("certificates.upload.title")} text={t("certificates.upload.text")}>
            <Upload waiting={view.request !== null} />
            <Divider />
            <Request waiting={view.request} />
          </Card>
        )}
        {view.https && <Own view={view} />}
      </Stack>
    </>
  );
}
