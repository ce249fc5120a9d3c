// The button of the house's own sign-in service, above the password, and what became of it last.
import { Button, Divider } from "@mantine/core";
import { IconBuilding } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys";
import { oidc, signInAddress } from "../../api/oidc";
import { useOidcEnd } from "../oidcEnd";
import { OidcFailure } from "./OidcFailure";

export function SignInService() {
  const { t } = useTranslation("panel");
  const end = useOidcEnd();
  // Without an answer there is the password.
  const { data } = useQuery({ queryKey: keys.oidcButton, queryFn: oidc.button });
  return (
    <>
      {end !== null && <OidcFailure code={end} />}
      {data?.name && (
        <>
          <Button
            component="a"
            href={signInAddress(location.pathname)}
            size="md"
            variant="default"
            leftSection={<IconBuilding size={18} aria-hidden />}
            // A long name takes two lines on a phone.
            styles={{
              root: { display: "flex", alignItems: "center", justifyContent: "center", height: "auto", minHeight: 42, paddingBlock: 8 },
              label: { whiteSpace: "normal", overflowWrap: "anywhere" },
            }}
          >
            {t("oidc.sign_in", { name: data.name })}
          </Button>
          <Divider label={t("oidc.or")} />
        </>
      )}
    </>
  );
}
