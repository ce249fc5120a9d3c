// Which provider vouches for people, and who comes in as what.
import { Alert, PasswordInput, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys";
import { oidc } from "../../api/oidc";
import type { OidcView } from "../../api/schema";
import { CopyField } from "../parts/CopyField";
import { GroupRoles } from "./GroupRoles";
import { SaveBar } from "./SaveBar";

function valuesOf({ settings }: OidcView) {
  const { domains, ...rest } = settings;
  return {
    ...rest,
    // Where whoever sets it up is now is where people open the panel, most often.
    address: settings.address === "" ? location.origin : settings.address,
    domains: domains.join(", "),
    // Never shown: what is typed replaces it.
    secret: "",
  };
}

type Values = ReturnType<typeof valuesOf>;

interface OidcFormProps {
  view: OidcView;
  onDirty: (dirty: boolean) => void;
}

export function OidcForm({ view, onDirty }: OidcFormProps) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const form = useForm({ initialValues: valuesOf(view) });
  const dirty = form.isDirty();
  useEffect(() => onDirty(dirty), [dirty, onDirty]);
  const save = useMutation({
    mutationFn: ({ secret, domains, ...rest }: Values) => {
      const list = domains.split(/[\s,;]+/).filter((domain) => domain !== "");
      const settings = { ...rest, domains: list };
      return oidc.put({ settings, ...(secret !== "" && { secret }) });
    },
    onSuccess(saved) {
      cache.setQueryData(keys.oidc, saved);
      void cache.invalidateQueries({ queryKey: keys.oidcButton });
      form.setInitialValues(valuesOf(saved));
      form.setValues(valuesOf(saved));
    },
  });
  const { values } = form;
  const back = `${values.address.trim().replace(/\/+$/, "")}/api/v1/oidc/callback`;
  return (
    <form
      onSubmit={form.onSubmit((changed) => save.mutate(changed))}
      style={{ display: "grid", gap: 16 }}
    >
      <Switch
        label={t("oidc.enabled")}
        description={t("oidc.enabled_text")}
        {...form.getInputProps("enabled", { type: "checkbox" })}
      />
      <TextInput
        label={t("oidc.name")}
        description={t("oidc.name_text")}
        maxLength={60}
        autoComplete="off"
        {...form.getInputProps("name")}
      />
      <TextInput
        label={t("oidc.address")}
        description={t("oidc.address_text")}
        placeholder="https://box.example.org"
        autoComplete="off"
        inputMode="url"
        {...form.getInputProps("address")}
      />
      <CopyField label={t("oidc.redirect")} value={back} />
      <Text size="xs" c="dimmed" mt={-12}>
        {t("oidc.redirect_text")}
      </Text>
      {values.address.startsWith("http:") && <Warning text={t("oidc.plain")} />}
      <TextInput
        label={t("oidc.issuer")}
        description={t("oidc.issuer_text")}
        placeholder="https://id.example.org/realms/house"
        autoComplete="off"
        inputMode="url"
        {...form.getInputProps("issuer")}
      />
      <TextInput label={t("oidc.client")} autoComplete="off" {...form.getInputProps("client_id")} />
      <PasswordInput
        label={t("oidc.secret")}
        description={t(view.has_secret ? "oidc.secret_kept" : "oidc.secret_text")}
        placeholder={view.has_secret ? t("oidc.secret_set") : ""}
        autoComplete="new-password"
        visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
        {...form.getInputProps("secret")}
      />
      <TextInput
        label={t("oidc.scopes")}
        description={t("oidc.scopes_text")}
        autoComplete="off"
        {...form.getInputProps("scopes")}
      />
      <TextInput
        label={t("oidc.claim")}
        description={t("oidc.claim_text")}
        autoComplete="off"
        {...form.getInputProps("groups_claim")}
      />
      <GroupRoles rows={values.roles} change={(roles) => form.setValues({ roles })} />
      <Switch
        label={t("oidc.others")}
        description={t("oidc.others_text")}
        {...form.getInputProps("admit_others", { type: "checkbox" })}
      />
      <TextInput
        label={t("oidc.domains")}
        description={t("oidc.domains_text")}
        placeholder="example.org"
        autoComplete="off"
        {...form.getInputProps("domains")}
      />
      <Textarea
        label={t("oidc.authority")}
        description={t("oidc.authority_text")}
        placeholder="-----BEGIN CERTIFICATE-----"
        autosize
        minRows={2}
        maxRows={8}
        styles={{ input: { fontFamily: "monospace" } }}
        {...form.getInputProps("authority")}
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

function Warning({ text }: { text: string }) {
  return (
    <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
      <Text size="sm">{text}</Text>
    </Alert>
  );
}
