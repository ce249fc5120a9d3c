// The ways to a certificate that browsers trust, the best first, each with what it needs. The parts that do
// it are those of the certificates' own page.
import { Accordion, Alert, Badge, Divider, Group, List, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { CertificatesView } from "../../api/schema";
import { setupKeys } from "../../api/setup";
import { Acme } from "../certificates/Acme";
import { Own } from "../certificates/Own";
import { Request } from "../certificates/Request";
import { Upload } from "../certificates/Upload";
import { Failure } from "../parts/Failure";
import { useMay } from "../session";
import { Card } from "../settings/Card";
import { noCamera } from "./reach";
import { StepFrame, type StepProps } from "./StepFrame";

export function CertificateStep(props: StepProps) {
  const { t } = useTranslation(["setup", "panel"]);
  const view = useQuery({ queryKey: keys.certificates, queryFn: api.certificates, refetchOnMount: "always" });
  const [way, setWay] = useState<string | null>(null);
  const cache = useQueryClient();
  // Another certificate is a fact of which the set-up must hear.
  const served = view.data?.served?.facts.fingerprint;
  useEffect(() => void cache.invalidateQueries({ queryKey: setupKeys.view }), [cache, served]);
  const own = way === "own";
  const trusted = props.state === "done";
  // Nothing that could be chosen here would be served.
  const plain = view.data !== undefined && !view.data.https;
  return (
    <StepFrame
      title={t("certificate.title")}
      text={t(plain ? "certificate.text_plain" : "certificate.text")}
      action={plain && !trusted ? t("certificate.go_on_plain") : own && !trusted ? t("certificate.own.passed") : undefined}
      finish={async () => {
        if (plain && props.state === "open") await props.mark("skipped");
        else if (own && !plain && !trusted) await props.mark("passed");
      }}
      // Whoever has chosen nothing goes past it, and says so.
      stuck={!plain && props.state === "open" && way === null && t("certificate.stuck")}
      skippable={!plain}
      {...props}
    >
      {view.data && <Here plain={plain} />}
      {view.isPending && <Skeleton height={240} radius="md" />}
      {view.error && <Failure error={view.error} retry={() => void view.refetch()} />}
      {plain && (
        <Alert color="blue" icon={<IconInfoCircle size={20} aria-hidden />}>
          <Text size="sm">{t("certificate.plain")}</Text>
        </Alert>
      )}
      {view.data && !plain && <Ways view={view.data} way={way} choose={setWay} />}
    </StepFrame>
  );
}

/** Whether this very browser would give a camera. */
function Here({ plain }: { plain: boolean }) {
  const { t } = useTranslation("setup");
  const why = noCamera(window.isSecureContext, "mediaDevices" in navigator, location.protocol);
  if (why === null) {
    return (
      <Group gap="xs" wrap="nowrap">
        <IconCircleCheck size={20} color="var(--plot-line)" aria-hidden style={{ flex: "none" }} />
        <Text size="sm">{t("certificate.here_ok")}</Text>
      </Group>
    );
  }
  return (
    <Alert color="orange" icon={<IconAlertTriangle size={20} aria-hidden />}>
      <Text size="sm">{t(plain && why === "http" ? "certificate.here_http_plain" : `certificate.here_${why}`)}</Text>
    </Alert>
  );
}

interface WaysProps {
  view: CertificatesView;
  way: string | null;
  choose: (way: string | null) => void;
}

function Ways({ view, way, choose }: WaysProps) {
  const { t } = useTranslation(["setup", "panel"]);
  const mayRun = useMay()("run_certificates");
  const served = view.served;
  return (
    <>
      {served && !served.self_signed && served.state === "good" && (
        <Text size="sm">{t("certificate.trusted")}</Text>
      )}
      <Accordion variant="separated" value={way} onChange={choose} order={3}>
        {mayRun && (
          <Way name="acme" recommended needs={["need1", "need2", "need3"]}>
            <Acme />
          </Way>
        )}
        {mayRun && (
          <Way name="upload" needs={["need1", "need2"]}>
            <Card title={t("panel:certificates.upload.title")} text={t("panel:certificates.upload.text")}>
              <Upload waiting={view.request !== null} />
              <Divider />
              <Request waiting={view.request} />
            </Card>
          </Way>
        )}
        <Way name="own" needs={["need1", "need2"]}>
          <Own view={view} />
        </Way>
      </Accordion>
    </>
  );
}

interface WayProps {
  name: "acme" | "upload" | "own";
  recommended?: boolean;
  needs: ("need1" | "need2" | "need3")[];
  children: ReactNode;
}

function Way({ name, recommended = false, needs, children }: WayProps) {
  const { t } = useTranslation("setup");
  return (
    <Accordion.Item value={name}>
      <Accordion.Control>
        <Stack gap={4}>
          <Group gap="xs">
            <Text fw={600}>{t(`certificate.${name}.title`)}</Text>
            {recommended && (
              <Badge variant="light" tt="none">
                {t("certificate.recommended")}
              </Badge>
            )}
          </Group>
          <Text size="sm" c="dimmed">
            {t(`certificate.${name}.short`)}
          </Text>
        </Stack>
      </Accordion.Control>
      <Accordion.Panel>
        <Stack gap="md">
          <Stack gap={4}>
            <Text size="sm" fw={600}>
              {t("certificate.need")}
            </Text>
            <List size="sm" spacing={2}>
              {needs.map((need) => (
                <List.Item key={need}>{t(`certificate.${name}.${need}` as "certificate.acme.need1")}</List.Item>
              ))}
            </List>
          </Stack>
          {children}
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}
