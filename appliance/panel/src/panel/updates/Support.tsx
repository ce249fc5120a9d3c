// Until when weaknesses of the version that runs are mended.
import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { regional } from "../../regional";
import { useNow } from "../now";

/** `end`: a day like 2031-12-31, the last on which they are. */
export function Support({ end }: { end: string | null }) {
  const { t, i18n } = useTranslation("panel");
  const now = useNow();
  if (end === null)
    return (
      <Text size="sm" c="dimmed">
        {t("updates.support_unknown")}
      </Text>
    );
  const last = new Date(`${end}T23:59:59`);
  const day = new Intl.DateTimeFormat(regional(i18n.language, navigator.languages), { dateStyle: "long" }).format(last);
  if (last.getTime() < now)
    return (
      <Alert color="red" icon={<IconAlertTriangle size={20} aria-hidden />}>
        {t("updates.support_over", { day })}
      </Alert>
    );
  return <Text size="sm">{t("updates.support", { day })}</Text>;
}
