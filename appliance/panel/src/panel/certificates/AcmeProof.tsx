// How it is proved that names are this box's: by HTTP, by the zone, by acme-dns.
import { Group, NumberInput, PasswordInput, Select, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useTranslation } from "react-i18next";
import type { AcmeView } from "../../api/schema";
import type { AcmeValues } from "./acmeDraft";

const KINDS = ["http", "rfc2136", "acme_dns"] as const;
const ALGORITHMS = { hmac_sha256: "hmac-sha256", hmac_sha384: "hmac-sha384", hmac_sha512: "hmac-sha512" };

interface ProofProps {
  form: UseFormReturnType<AcmeValues>;
  view: AcmeView;
}

export function Proof({ form, view }: ProofProps) {
  const { t } = useTranslation("panel");
  const { proof } = form.values;
  return (
    <>
      <Select
        label={t("certificates.acme.proof")}
        description={t(`certificates.acme.proof_text.${proof}`)}
        data={KINDS.map((kind) => ({ value: kind, label: t(`certificates.acme.proof_kind.${kind}`) }))}
        allowDeselect={false}
        {...form.getInputProps("proof")}
      />
      {proof === "rfc2136" && <Zone form={form} view={view} />}
      {proof === "acme_dns" && (
        <TextInput
          label={t("certificates.acme.acme_dns")}
          placeholder="https://auth.example.org"
          autoComplete="off"
          {...form.getInputProps("acmeDns")}
        />
      )}
    </>
  );
}

function Zone({ form, view }: ProofProps) {
  const { t } = useTranslation("panel");
  return (
    <>
      <Group align="flex-end" gap="md" grow>
        <TextInput
          label={t("certificates.acme.server")}
          placeholder="ns.example.org"
          autoComplete="off"
          miw={180}
          {...form.getInputProps("server")}
        />
        <TextInput
          label={t("certificates.acme.zone")}
          placeholder="example.org"
          autoComplete="off"
          miw={180}
          {...form.getInputProps("zone")}
        />
      </Group>
      <Group align="flex-end" gap="md" grow>
        <TextInput
          label={t("certificates.acme.key_name")}
          placeholder="box-key"
          autoComplete="off"
          miw={180}
          {...form.getInputProps("keyName")}
        />
        <Select
          label={t("certificates.acme.algorithm")}
          data={Object.entries(ALGORITHMS).map(([value, label]) => ({ value, label }))}
          allowDeselect={false}
          miw={180}
          {...form.getInputProps("algorithm")}
        />
      </Group>
      <PasswordInput
        label={t("certificates.acme.dns_secret")}
        description={t("certificates.acme.dns_secret_text")}
        placeholder={view.has_dns_secret ? t("certificates.acme.is_set") : ""}
        autoComplete="new-password"
        visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
        {...form.getInputProps("dnsSecret")}
      />
      <NumberInput
        label={t("certificates.acme.wait")}
        description={t("certificates.acme.wait_text")}
        min={0}
        max={600}
        allowDecimal={false}
        w={220}
        suffix=" s"
        value={form.values.waitS}
        onChange={(seconds) => form.setValues({ waitS: Number(seconds) || 0 })}
      />
    </>
  );
}
