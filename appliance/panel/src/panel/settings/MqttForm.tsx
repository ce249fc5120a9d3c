// Where the broker is, whom the box trusts there, and what it may order.
import { Alert, PasswordInput, Select, Switch, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { MqttTls, MqttView } from "../../api/schema";
import { SaveBar } from "./SaveBar";
import { ServerAddress } from "./ServerAddress";
import { TrustFields } from "./TrustFields";

const KINDS = ["system", "authority", "pinned", "off"] as const;
type Kind = (typeof KINDS)[number];

function valuesOf({ settings }: MqttView) {
  const { tls, ...rest } = settings;
  const kind: Kind = tls.kind;
  return {
    ...rest,
    kind,
    pem: tls.kind === "authority" ? tls.pem : "",
    fingerprint: tls.kind === "pinned" ? tls.fingerprint : "",
    // Never shown: what is typed replaces it.
    password: "",
  };
}

type Values = ReturnType<typeof valuesOf>;

function tlsOf({ kind, pem, fingerprint }: Values): MqttTls {
  if (kind === "authority") return { kind, pem };
  if (kind === "pinned") return { kind, fingerprint };
  return { kind };
}

interface MqttFormProps {
  view: MqttView;
  onDirty: (dirty: boolean) => void;
}

export function MqttForm({ view, onDirty }: MqttFormProps) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const form = useForm({ initialValues: valuesOf(view) });
  const dirty = form.isDirty();
  useEffect(() => onDirty(dirty), [dirty, onDirty]);
  const save = useMutation({
    mutationFn: (values: Values) => {
      const { enabled, host, port, user, discovery_prefix, control, password } = values;
      // Without a user there is no password that could stay.
      const secret = password !== "" ? { password } : user === "" ? { password: "" } : {};
      const settings = { enabled, host, port, tls: tlsOf(values), user, discovery_prefix, control };
      return api.putMqtt({ settings, ...secret });
    },
    onSuccess(saved) {
      cache.setQueryData(keys.mqtt, saved);
      form.setInitialValues(valuesOf(saved));
      form.setValues(valuesOf(saved));
    },
  });
  const { values } = form;
  return (
    <form
      onSubmit={form.onSubmit((changed) => save.mutate(changed))}
      style={{ display: "grid", gap: 16 }}
    >
      <Switch
        label={t("mqtt.enabled")}
        description={t("mqtt.enabled_text")}
        {...form.getInputProps("enabled", { type: "checkbox" })}
      />
      <ServerAddress
        host={{ label: t("mqtt.host"), description: t("mqtt.host_text"), placeholder: "homeassistant.local" }}
        input={form.getInputProps("host")}
        portLabel={t("mqtt.port")}
        port={values.port}
        onPort={(port) => form.setValues({ port })}
      />
      <Select
        label={t("mqtt.tls")}
        data={KINDS.map((kind) => ({ value: kind, label: t(`mqtt.tls_kind.${kind}`) }))}
        allowDeselect={false}
        value={values.kind}
        onChange={(kind) => {
          // The usual port follows, one that was chosen stays.
          const usual = (of: string | null) => (of === "off" ? 1883 : 8883);
          const port = values.port === usual(values.kind) ? usual(kind) : values.port;
          form.setValues({ kind: (kind ?? "system") as Kind, port });
        }}
      />
      {values.kind === "off" && <Warning text={t("mqtt.tls_off")} />}
      <TrustFields
        kind={values.kind}
        authority={{
          label: t("mqtt.authority"),
          description: t("mqtt.authority_text"),
          input: form.getInputProps("pem"),
        }}
        fingerprint={{
          label: t("mqtt.fingerprint"),
          description: t("mqtt.fingerprint_text"),
          input: form.getInputProps("fingerprint"),
        }}
      />
      <TextInput
        label={t("mqtt.user")}
        description={t("mqtt.user_text", { id: view.topic.split("/").pop() })}
        autoComplete="off"
        styles={{ description: { overflowWrap: "anywhere" } }}
        {...form.getInputProps("user")}
      />
      <PasswordInput
        label={t("mqtt.password")}
        description={view.has_password ? t("mqtt.password_text") : undefined}
        placeholder={view.has_password ? t("mqtt.password_set") : ""}
        autoComplete="new-password"
        visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
        {...form.getInputProps("password")}
      />
      <TextInput
        label={t("mqtt.prefix")}
        description={t("mqtt.prefix_text")}
        autoComplete="off"
        {...form.getInputProps("discovery_prefix")}
      />
      <Switch
        label={t("mqtt.control")}
        description={t("mqtt.control_text")}
        {...form.getInputProps("control", { type: "checkbox" })}
      />
      {values.control && <Warning text={t("mqtt.control_warning", { topic: view.topic })} />}
      <SaveBar
        when="now"
        dirty={dirty}
        saving={save.isPending}
        saved={save.isSuccess}
        error={save.error}
        reset={form.reset}
      />
    </form>
  );
}

function Warning({ text }: { text: string }) {
  return (
    <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {text}
      </Text>
    </Alert>
  );
}
