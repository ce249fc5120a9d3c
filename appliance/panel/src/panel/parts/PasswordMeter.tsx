// How hard a password is to guess, while it is typed.
import { Paper, Progress, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { strengthOf } from "../../password";

const COLORS = ["red.7", "red.7", "orange.7", "teal.7", "teal.7"];

export function PasswordMeter({ password }: { password: string }) {
  const { t } = useTranslation("panel");
  const strength = strengthOf(password);
  const words = [
    t("claim.strength.0"),
    t("claim.strength.1"),
    t("claim.strength.2"),
    t("claim.strength.3"),
    t("claim.strength.4"),
  ];
  const filled = password === "" ? 0 : Math.max(8, strength * 25);
  return (
    <Paper bg="transparent">
      <Progress
        value={filled}
        color={COLORS[strength]}
        size="sm"
        aria-label={t("claim.strength_label")}
      />
      <Text size="sm" c="dimmed" mt={4} aria-live="polite">
        {password === "" ? t("claim.strength_hint") : words[strength]}
      </Text>
    </Paper>
  );
}
