// Syslog: how the way to the server is, and the form.
import { Alert, Group, Select, Skeleton, Stack, Switch, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle, IconCircleCheck, IconCircleOff, IconSend } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { LogLevel, SyslogBy, SyslogView } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Failure } from "../parts/Failure";
import { StateBadge } from "../parts/StateBadge";
import { useFormat } from "../wording";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { ServerAddress } from "./ServerAddress";
import { TrustFields } from "./TrustFields";

const WAYS: SyslogBy[] = ["tls", "tcp", "udp"];
const PORTS = { tls: 6514, tcp: 514, udp: 514 };
const TRUSTS = ["system", "authority", "pinned"] as const;
type Trust = (typeof TRUSTS)[number];
const LEVELS = ["none", "error", "warn", "info", "debug"] as const;
type Level = (typeof LEVELS)[number];

export function Syslog() {
  const { t } = useTranslation("panel");
  const view = useQuery({ queryKey: keys.syslog, queryFn: api.syslog });
  return (
    <Card title={t("syslog.title")} text={t("syslog.text")}>
      {view.error && <Failure error={view.error} />}
      {view.isPending && <Skeleton height={240} radius="lg" />}
      {view.data && (
        <>
          <Outcome view={view.data} />
          <Form view={view.data} />
        </>
      )}
    </Card>
  );
}

function Outcome({ view }: { view: SyslogView }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { sent, missed, connected, error, failed_at } = view.outcome;
  const look = !view.settings.enabled
    ? { icon: IconCircleOff, color: "gray", word: t("syslog.off") }
    : error
      ? { icon: IconAlertTriangle, color: "orange", word: t("syslog.failing") }
      : connected
        ? { icon: IconCircleCheck, color: "teal", word: t("syslog.connected") }
        : { icon: IconSend, color: "teal", word: t("syslog.sending") };
  return (
    <Stack gap="xs">
      <Group gap="xs" role="status">
        <StateBadge look={look} word={look.word} />
        {error && failed_at && (
          <Text size="sm" c="dimmed">
            <Ago at={failed_at} />
          </Text>
        )}
      </Group>
      {view.settings.enabled && error && (
        <Text size="xs" style={{ overflowWrap: "anywhere" }}>
          {error}
        </Text>
      )}
      {sent + missed > 0 && (
        <Text size="sm" c="dimmed">
          {t("syslog.counts", { sent: format.number(sent), missed: format.number(missed) })}
        </Text>
      )}
    </Stack>
  );
}

function valuesOf({ settings }: SyslogView) {
  const { trust, level, ...rest } = settings;
  return {
    ...rest,
    kind: (trust.kind === "off" ? "system" : trust.kind) as Trust,
    pem: trust.kind === "authority" ? trust.pem : "",
    fingerprint: trust.kind === "pinned" ? trust.fingerprint : "",
    level: (level ?? "none") as Level,
  };
}

type Values = ReturnType<typeof valuesOf>;

function trustOf({ by, kind, pem, fingerprint }: Values) {
  if (by !== "tls") return { kind: "off" as const };
  if (kind === "authority") return { kind, pem };
  if (kind === "pinned") return { kind, fingerprint };
  return { kind };
}

function Form({ view }: { view: SyslogView }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const form = useForm({ initialValues: valuesOf(view) });
  const save = useMutation({
    mutationFn: (values: Values) => {
      const { enabled, host, port, by, audit } = values;
      const level: LogLevel | null = values.level === "none" ? null : values.level;
      return api.putSyslog({ enabled, host, port, by, trust: trustOf(values), audit, level });
    },
    onSuccess(saved) {
      cache.setQueryData(keys.syslog, saved);
      form.setInitialValues(valuesOf(saved));
      form.setValues(valuesOf(saved));
    },
  });
  const { values } = form;
  return (
    <form onSubmit={form.onSubmit((changed) => save.mutate(changed))} style={{ display: "grid", gap: 16 }}>
      <Switch
        label={t("syslog.enabled")}
        description={t("syslog.enabled_text")}
        {...form.getInputProps("enabled", { type: "checkbox" })}
      />
      <ServerAddress
        host={{ label: t("syslog.host"), description: t("syslog.host_text"), placeholder: "logs.example.org" }}
        input={form.getInputProps("host")}
        portLabel={t("syslog.port")}
        port={values.port}
        onPort={(port) => form.setValues({ port })}
      />
      <Select
        label={t("syslog.by")}
        description={t("syslog.by_text")}
        data={WAYS.map((value) => ({ value, label: t(`syslog.by_kind.${value}`) }))}
        allowDeselect={false}
        value={values.by}
        onChange={(value) => {
          // The usual port follows, one that was chosen stays.
          const by = (value ?? "tls") as SyslogBy;
          const port = values.port === PORTS[values.by] ? PORTS[by] : values.port;
          form.setValues({ by, port });
        }}
      />
      {values.by !== "tls" && (
        <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
          <Text size="sm">{t("syslog.open")}</Text>
        </Alert>
      )}
      {values.by === "tls" && (
        <Select
          label={t("syslog.trust")}
          description={t("syslog.trust_text")}
          data={TRUSTS.map((value) => ({ value, label: t(`syslog.trust_kind.${value}`) }))}
          allowDeselect={false}
          {...form.getInputProps("kind")}
        />
      )}
      <TrustFields
        kind={values.by === "tls" ? values.kind : "off"}
        authority={{
          label: t("syslog.authority"),
          description: t("syslog.authority_text"),
          input: form.getInputProps("pem"),
        }}
        fingerprint={{
          label: t("syslog.fingerprint"),
          description: t("syslog.fingerprint_text"),
          input: form.getInputProps("fingerprint"),
        }}
      />
      <Switch
        label={t("syslog.audit")}
        description={t("syslog.audit_text")}
        {...form.getInputProps("audit", { type: "checkbox" })}
      />
      <Select
        label={t("syslog.level")}
        description={t("syslog.level_text")}
        data={LEVELS.map((value) => ({ value, label: t(`syslog.level_kind.${value}`) }))}
        allowDeselect={false}
        {...form.getInputProps("level")}
      />
      <SaveBar
        when="now"
        dirty={form.isDirty()}
        saving={save.isPending}
        saved={save.isSuccess}
        error={save.error}
        reset={form.reset}
      />
    </form>
  );
}
