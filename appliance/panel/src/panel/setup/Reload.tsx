// A part of the page is gone from the box: it was updated while the page stood open.
import { Alert, Button, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

export function Reload() {
  const { t } = useTranslation("panel");
  return (
    <Alert color="yellow" role="alert" maw={640}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{t("setup_card.old")}</Text>
        <Button size="xs" variant="default" onClick={() => location.reload()}>
          {t("setup_card.reload")}
        </Button>
      </Stack>
    </Alert>
  );
}
