// The owner: there since the claim. A second factor, for who wants one.
import { useTranslation } from "react-i18next";
import type { Me } from "../../api/schema";
import { SecondFactor } from "../settings/SecondFactor";
import { StepFrame, type StepProps } from "./StepFrame";

export function OwnerStep({ me, ...props }: StepProps & { me: Me }) {
  const { t } = useTranslation("setup");
  return (
    <StepFrame title={t("owner.title", { name: me.name })} text={t("owner.text")} {...props}>
      <SecondFactor me={me} />
    </StepFrame>
  );
}
