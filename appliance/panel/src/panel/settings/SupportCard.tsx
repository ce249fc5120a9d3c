// The support bundle: what is in it, and the button.
import { Button, List, Skeleton, Stack, Text } from "@mantine/core";
import { IconLifebuoy } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, supportBundle } from "../../api/client";
import { keys } from "../../api/keys";
import type { support as words } from "../../i18n/reports.en";
import { Failure } from "../parts/Failure";
import { Card } from "./Card";

type Part = keyof typeof words.part;

export function SupportCard() {
  const { t, i18n } = useTranslation("panel");
  const view = useQuery({ queryKey: keys.support, queryFn: api.support });
  return (
    <Card title={t("support.title")} text={t("support.text")}>
      {view.error && <Failure error={view.error} />}
      {view.isPending && <Skeleton height={120} radius="lg" />}
      {view.data && (
        <Stack gap="xs">
          <Text size="sm" fw={500}>
            {t("support.inside")}
          </Text>
          <List size="sm" c="dimmed" spacing={2}>
            {view.data.parts.map(({ name, what }) => {
              const part = name.split(".")[0] as Part;
              return <List.Item key={name}>{i18n.exists(`panel:support.part.${part}`) ? t(`support.part.${part}`) : what}</List.Item>;
            })}
          </List>
        </Stack>
      )}
      <Button
        component="a"
        href={supportBundle()}
        variant="default"
        leftSection={<IconLifebuoy size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("support.take")}
      </Button>
    </Card>
  );
}
