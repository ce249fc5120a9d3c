// Why a sign-in by the organisation came to nothing, in words of the panel's own: an address may be anybody's.
import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

export function OidcFailure({ code }: { code: string }) {
  const { t, i18n } = useTranslation("shared");
  const known = /^[a-z_]+$/.test(code) && i18n.exists(`errors.${code}`, { ns: "shared" });
  const text = known ? t(`errors.${code}` as "errors.oidc_state") : t("errors.oidc_state");
  return (
    <Alert color="red" role="alert" icon={<IconAlertTriangle size={20} aria-hidden />}>
      <Text size="sm">{text}</Text>
    </Alert>
  );
}
