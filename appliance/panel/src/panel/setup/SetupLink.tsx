// The way to the set-up from the settings, and back to being reminded of it.
import { Button, Group, Text } from "@mantine/core";
import { IconListCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Failure } from "../parts/Failure";
import { Card } from "../settings/Card";
import { countDone, COUNTED } from "./steps";
import { useSaySetup, useSetup } from "./useSetup";

export function SetupLink() {
  const { t } = useTranslation("panel");
  const view = useSetup();
  const say = useSaySetup();
  return (
    <Card title={t("setup_card.title")} text={t("setup_card.text")}>
      {view.data && (
        <Text size="sm">{t("setup_card.progress", { done: countDone(view.data), all: COUNTED })}</Text>
      )}
      {say.error && <Failure error={say.error} />}
      <Group gap="sm">
        <Button
          component={Link}
          href="/setup"
          variant="default"
          leftSection={<IconListCheck size={18} aria-hidden />}
        >
          {t("setup_card.look")}
        </Button>
        {view.data?.dismissed && (
          <Button variant="subtle" loading={say.isPending} onClick={() => say.mutate({ dismissed: false })}>
            {t("setup_card.remind")}
          </Button>
        )}
        <Text size="sm" c="dimmed" role="status">
          {say.isSuccess && view.data?.dismissed === false && t("setup_card.reminded")}
        </Text>
      </Group>
    </Card>
  );
}
