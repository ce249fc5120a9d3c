// Sign-in by the house's own identity provider: how it went, the form, a trial, and who was removed.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconPlugConnected } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { keys } from "../../api/keys";
import { oidc } from "../../api/oidc";
import type { OidcFound, OidcView, RemovedPerson } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Detail } from "../parts/Detail";
import { useReportFailure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { Card } from "../settings/Card";
import { OidcForm } from "../settings/OidcForm";
import { Trial } from "../settings/Trial";
import { useFormat } from "../wording";

export function SignInServicePage() {
  const view = useQuery({ queryKey: keys.oidc, queryFn: oidc.view });
  return (
    <Detail of="settings" query={view} height={480}>
      {(found) => <Found view={found} />}
    </Detail>
  );
}

function Found({ view }: { view: OidcView }) {
  const { t } = useTranslation("panel");
  const [dirty, setDirty] = useState(false);
  const test = async () => {
    const trial = await oidc.test();
    return { ...trial, works: trial.found !== null };
  };
  return (
    <>
      <Heading title={t("oidc.title")} lead={t("oidc.lead")} />
      <Stack gap="md" maw={760}>
        {view.failure && <LastFailure failure={view.failure} />}
        <Card title={t("oidc.provider")} text={t("oidc.provider_text")}>
          <OidcForm view={view} onDirty={setDirty} />
          {view.settings.issuer !== "" && (
            <Trial
              words={{ button: t("oidc.test"), saveFirst: t("oidc.test_save") }}
              picture={<IconPlugConnected size={18} aria-hidden />}
              dirty={dirty}
              run={test}
            >
              {({ found, took_ms, code, error }) =>
                found ? (
                  <Answers found={found} tookMs={took_ms} />
                ) : (
                  <WhyNot code={code ?? ""} error={error ?? ""} />
                )
              }
            </Trial>
          )}
        </Card>
        <Card title={t("oidc.rules")} text={t("oidc.rules_text")}>
          <Text size="sm">{t("oidc.rules_owner")}</Text>
        </Card>
        {view.removed.length > 0 && <Removed people={view.removed} />}
      </Stack>
    </>
  );
}

function LastFailure({ failure }: { failure: NonNullable<OidcView["failure"]> }) {
  const { t } = useTranslation("panel");
  return (
    <Alert
      color="orange"
      title={t("oidc.failure")}
      icon={<IconAlertTriangle size={18} aria-hidden />}
    >
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        <Ago at={failure.at} />: {failure.error}
      </Text>
    </Alert>
  );
}

function Answers({ found, tookMs }: { found: OidcFound; tookMs: number }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const seconds = format.number(tookMs / 1000, 1);
  return (
    <>
      <Text size="sm">
        {t("oidc.test_ok", {
          seconds,
          keys: format.number(found.keys),
          algorithms: found.algorithms.join(", "),
        })}
      </Text>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {t("oidc.test_there", { address: found.authorization_endpoint })}
      </Text>
      {!found.says_pkce && <Text size="sm">{t("oidc.test_pkce")}</Text>}
      {found.userinfo_endpoint === null && <Text size="sm">{t("oidc.test_userinfo")}</Text>}
      {found.unknown_scopes.length > 0 && (
        <Text size="sm">{t("oidc.test_scopes", { scopes: found.unknown_scopes.join(", ") })}</Text>
      )}
      <Text size="sm" c="dimmed">
        {t("oidc.test_next")}
      </Text>
    </>
  );
}

function WhyNot({ code, error }: { code: string; error: string }) {
  const { t, i18n } = useTranslation("panel");
  return (
    <>
      {i18n.exists(`oidc.cause.${code}`, { ns: "panel" }) && (
        <Text size="sm">{t(`oidc.cause.${code}` as "oidc.cause.oidc_answer")}</Text>
      )}
      <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        {error}
      </Text>
    </>
  );
}

function Removed({ people }: { people: RemovedPerson[] }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const readmit = useMutation({
    mutationFn: oidc.readmit,
    onError: report,
    onSettled: () => cache.invalidateQueries({ queryKey: keys.oidc }),
  });
  return (
    <Card title={t("oidc.removed")} text={t("oidc.removed_text")}>
      <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {people.map((person) => (
          <Group key={person.id} component="li" justify="space-between" gap="xs">
            <Stack gap={0} miw={0}>
              <Text fw={500} style={{ overflowWrap: "anywhere" }}>
                <Name>{person.name}</Name>
              </Text>
              <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                {person.mail} <Ago at={person.removed_at} />
              </Text>
            </Stack>
            <Button
              variant="default"
              size="compact-sm"
              loading={readmit.isPending}
              aria-label={t("oidc.readmit_named", { name: person.name })}
              onClick={() => readmit.mutate(person.id)}
            >
              {t("oidc.readmit")}
            </Button>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}
