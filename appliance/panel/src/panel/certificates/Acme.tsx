// Certificates that a server issues by itself: where, for which names, how it is proved, how it goes.
import {
  Alert,
  Anchor,
  Button,
  Checkbox,
  Code,
  Collapse,
  Group,
  PasswordInput,
  Stack,
  Stepper,
  Text,
  TextInput,
  Textarea,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { AcmeProgress, AcmeView } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Failure } from "../parts/Failure";
import { Card } from "../settings/Card";
import { useFormat } from "../wording";
import { LETS_ENCRYPT, putOf, valuesOf } from "./acmeDraft";
import { Proof } from "./AcmeProof";

export function Acme() {
  const { t } = useTranslation("panel");
  const view = useQuery({ queryKey: keys.acme, queryFn: api.acme });
  return (
    <Card title={t("certificates.acme.title")} text={t("certificates.acme.text")}>
      {view.error && <Failure error={view.error} retry={() => void view.refetch()} />}
      {view.data && (
        <>
          <State view={view.data} />
          {/* With other settings the form begins anew. */}
          <AcmeForm key={JSON.stringify(view.data.settings)} view={view.data} />
        </>
      )}
    </Card>
  );
}

const STAGES = ["account", "ordering", "proving", "checking", "issuing"] as const;

function State({ view }: { view: AcmeView }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const order = useMutation({
    mutationFn: api.orderCertificate,
    onSuccess: (now) => cache.setQueryData(keys.acme, now),
  });
  if (!view.wanted) return null;
  return (
    <Stack gap="sm" align="flex-start">
      {view.lost && (
        <Alert color="red" w="100%" icon={<IconAlertTriangle size={18} aria-hidden />} role="alert">
          {t("certificates.acme.lost")}
        </Alert>
      )}
      {view.points_to !== null && <PointsTo view={view} />}
      {view.running && <Progress running={view.running} />}
      {!view.running && view.failure && (
        <Alert color="orange" w="100%" icon={<IconAlertTriangle size={18} aria-hidden />} role="status">
          <Stack gap={4}>
            <Text size="sm">{t(`certificates.acme.cause.${view.failure.cause}`)}</Text>
            <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {view.failure.text} (<Ago at={view.failure.at} />)
            </Text>
          </Stack>
        </Alert>
      )}
      {!view.running && view.next_at && (
        <Text size="sm">
          {t(view.failure ? "certificates.acme.again" : "certificates.acme.renews", {
            when: format.dateTime(view.next_at),
          })}
        </Text>
      )}
      {order.error && <Failure error={order.error} />}
      {!view.running && (
        <Button variant="default" loading={order.isPending} onClick={() => order.mutate()}>
          {t(view.waits_for_owner ? "certificates.acme.points" : "certificates.acme.now")}
        </Button>
      )}
    </Stack>
  );
}

/** What the owner puts into their zone once. */
function PointsTo({ view }: { view: AcmeView }) {
  const { t } = useTranslation("panel");
  const names = view.settings.names.map((name) => name.replace(/^\*\./, ""));
  return (
    <Stack gap="xs" w="100%">
      <Text size="sm">{t("certificates.acme.points_to")}</Text>
      {[...new Set(names)].map((name) => (
        <Code key={name} block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {`_acme-challenge.${name}. CNAME ${view.points_to}.`}
        </Code>
      ))}
    </Stack>
  );
}

function Progress({ running }: { running: AcmeProgress }) {
  const { t } = useTranslation("panel");
  const at = STAGES.indexOf(running.stage);
  return (
    <Stack gap="xs" w="100%" role="status">
      <Text size="sm" fw={600}>
        {t(`certificates.acme.stage.${running.stage}`)}
      </Text>
      <Stepper active={at} size="xs" iconSize={24} aria-hidden>
        {STAGES.map((stage) => (
          <Stepper.Step key={stage} loading={stage === running.stage} />
        ))}
      </Stepper>
    </Stack>
  );
}

function AcmeForm({ view }: { view: AcmeView }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const form = useForm({ initialValues: valuesOf(view) });
  const { values } = form;
  const [more, { toggle }] = useDisclosure(values.authority !== "" || view.has_binding);
  const save = useMutation({
    mutationFn: () => api.putAcme(putOf(values)),
    onSuccess(now) {
      cache.setQueryData(keys.acme, now);
      void cache.invalidateQueries({ queryKey: keys.certificates });
    },
  });
  return (
    <form onSubmit={form.onSubmit(() => save.mutate())}>
      <Stack gap="md">
        <Textarea
          label={t("certificates.acme.names")}
          description={t("certificates.acme.names_text")}
          placeholder="box.example.org"
          autosize
          minRows={1}
          maxRows={6}
          {...form.getInputProps("names")}
        />
        <Proof form={form} view={view} />
        <TextInput
          label={t("certificates.acme.contact")}
          description={t("certificates.acme.contact_text")}
          type="email"
          autoComplete="off"
          {...form.getInputProps("contact")}
        />
        <TextInput
          label={t("certificates.acme.directory")}
          description={t("certificates.acme.directory_text")}
          autoComplete="off"
          {...form.getInputProps("directory")}
        />
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          aria-expanded={more}
          onClick={toggle}
          style={{ alignSelf: "flex-start" }}
        >
          {t("certificates.acme.more")}
        </Button>
        <Collapse expanded={more}>
          <Stack gap="md">
            <Textarea
              label={t("certificates.acme.authority")}
              description={t("certificates.acme.authority_text")}
              placeholder="-----BEGIN CERTIFICATE-----"
              autosize
              minRows={2}
              maxRows={8}
              styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }}
              {...form.getInputProps("authority")}
            />
            <TextInput
              label={t("certificates.acme.bound_id")}
              description={t("certificates.acme.bound_text")}
              autoComplete="off"
              {...form.getInputProps("boundId")}
            />
            <PasswordInput
              label={t("certificates.acme.bound_key")}
              placeholder={view.has_binding ? t("certificates.acme.is_set") : ""}
              autoComplete="new-password"
              visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
              {...form.getInputProps("boundKey")}
            />
          </Stack>
        </Collapse>
        <Checkbox
          label={
            <>
              {t("certificates.acme.terms")}{" "}
              {values.directory === LETS_ENCRYPT && (
                <Anchor href="https://letsencrypt.org/repository/" target="_blank" rel="noreferrer">
                  Let’s Encrypt
                </Anchor>
              )}
            </>
          }
          {...form.getInputProps("terms", { type: "checkbox" })}
        />
        {save.error && <Failure error={save.error} />}
        <Group>
          <Button type="submit" loading={save.isPending} disabled={values.names.trim() === ""}>
            {t("certificates.acme.order")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
