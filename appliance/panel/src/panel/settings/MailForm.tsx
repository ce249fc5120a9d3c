// Where mails go out, to whom, and about what.
import { Alert, PasswordInput, Select, Switch, Text, TextInput, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { MailTls, MailView, Severity } from "../../api/schema";
import { SaveBar } from "./SaveBar";
import { ServerAddress } from "./ServerAddress";

const KINDS: MailTls[] = ["starttls", "tls", "off"];
const PORTS = { starttls: 587, tls: 465, off: 25 };
const LEAST: Severity[] = ["attention", "broken"];

function valuesOf({ settings }: MailView) {
  // The password is never shown: what is typed replaces it.
  return { ...settings, to: settings.to.join("\n"), password: "" };
}

type Values = ReturnType<typeof valuesOf>;

interface MailFormProps {
  view: MailView;
  onDirty: (dirty: boolean) => void;
}

export function MailForm({ view, onDirty }: MailFormProps) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const form = useForm({ initialValues: valuesOf(view) });
  const dirty = form.isDirty();
  useEffect(() => onDirty(dirty), [dirty, onDirty]);
  const save = useMutation({
    mutationFn: ({ password, to, ...settings }: Values) => {
      // Without a user there is no password that could stay.
      const secret = password !== "" ? { password } : settings.user === "" ? { password: "" } : {};
      const receivers = to.split(/[\s,;]+/).filter((one) => one !== "");
      return api.putMail({ settings: { ...settings, to: receivers }, ...secret });
    },
    onSuccess(saved) {
      cache.setQueryData(keys.mail, saved);
      form.setInitialValues(valuesOf(saved));
      form.setValues(valuesOf(saved));
    },
  });
  const { values } = form;
  return (
    <form onSubmit={form.onSubmit((changed) => save.mutate(changed))} style={{ display: "grid", gap: 16 }}>
      <Switch
        label={t("mail.enabled")}
        description={t("mail.enabled_text")}
        {...form.getInputProps("enabled", { type: "checkbox" })}
      />
      <ServerAddress
        host={{ label: t("mail.host"), description: t("mail.host_text"), placeholder: "mail.example.org" }}
        input={form.getInputProps("host")}
        portLabel={t("mail.port")}
        port={values.port}
        onPort={(port) => form.setValues({ port })}
      />
      <Select
        label={t("mail.tls")}
        description={t("mail.tls_text")}
        data={KINDS.map((kind) => ({ value: kind, label: t(`mail.tls_kind.${kind}`) }))}
        allowDeselect={false}
        value={values.tls}
        onChange={(kind) => {
          // The usual port follows, one that was chosen stays.
          const tls = (kind ?? "starttls") as MailTls;
          const port = values.port === PORTS[values.tls] ? PORTS[tls] : values.port;
          form.setValues({ tls, port });
        }}
      />
      {values.tls === "off" && (
        <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
          <Text size="sm">{t("mail.tls_off")}</Text>
        </Alert>
      )}
      {values.tls !== "off" && (
        <Textarea
          label={t("mail.authority")}
          description={t("mail.authority_text")}
          placeholder="-----BEGIN CERTIFICATE-----"
          autosize
          minRows={1}
          maxRows={8}
          styles={{ input: { fontFamily: "monospace" } }}
          {...form.getInputProps("authority")}
        />
      )}
      <TextInput
        label={t("mail.user")}
        description={t("mail.user_text")}
        autoComplete="off"
        {...form.getInputProps("user")}
      />
      <PasswordInput
        label={t("mail.password")}
        description={view.has_password ? t("mail.password_text") : undefined}
        placeholder={view.has_password ? t("mail.password_set") : ""}
        autoComplete="new-password"
        visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
        {...form.getInputProps("password")}
      />
      <TextInput
        label={t("mail.from")}
        description={t("mail.from_text")}
        placeholder="box@example.org"
        autoComplete="off"
        {...form.getInputProps("from")}
      />
      <Textarea
        label={t("mail.to")}
        description={t("mail.to_text")}
        placeholder="ada@example.org"
        autosize
        minRows={2}
        maxRows={8}
        {...form.getInputProps("to")}
      />
      <Select
        label={t("mail.least")}
        description={t("mail.least_text")}
        data={LEAST.map((kind) => ({ value: kind, label: t(`mail.least_kind.${kind}`) }))}
        allowDeselect={false}
        {...form.getInputProps("least")}
      />
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
