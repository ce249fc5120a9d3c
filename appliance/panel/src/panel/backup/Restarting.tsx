// The box restarts into a backup: the page waits for it and begins anew.
import { Center, Loader, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import type { BoxView } from "../../api/schema";

const LOOK_MS = 1_000;

export function Restarting({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const now = useQuery({
    queryKey: ["restarted", box.started_at],
    queryFn: api.box,
    refetchInterval: LOOK_MS,
    retry: false,
  });
  const again = now.data !== undefined && now.data.started_at !== box.started_at;
  useEffect(() => {
    // Everything that this page knows is of another box.
    if (again) location.replace("/panel/");
  }, [again]);
  return (
    <Center mih={320}>
      <Stack align="center" role="status" maw={480}>
        <Loader type="dots" />
        <Title order={1} size="h3" ta="center">
          {t("backup.restore.restarting")}
        </Title>
        <Text ta="center">{t("backup.restore.restarting_text")}</Text>
      </Stack>
    </Center>
  );
}
