// A part of the panel is gone from the box: it was updated while the page stood open.
import { Alert, Button, Stack, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

export function Reload() {
  const { t } = useTranslation("panel");
  return (
    <Alert color="yellow" role="alert" maw={640} title={<span role="heading" aria-level={1}>{t("page.gone")}</span>} icon={<IconRefresh size={20} aria-hidden />}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{t("page.gone_text")}</Text>
        <Button size="xs" variant="default" onClick={() => location.reload()}>
          {t("page.reload")}
        </Button>
      </Stack>
    </Alert>
  );
}
