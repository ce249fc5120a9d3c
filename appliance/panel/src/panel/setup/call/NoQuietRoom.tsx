// Each room records by itself now: one is made in which a test disturbs nobody. It stays, as any room does.
import { Alert, Button, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../../api/client";
import { keys } from "../../../api/keys";
import type { Room } from "../../../api/schema";
import { Failure } from "../../parts/Failure";
import { freeName } from "./quiet";

export function NoQuietRoom({ rooms, made }: { rooms: Room[]; made: (room: string) => void }) {
  const { t } = useTranslation("setup");
  const cache = useQueryClient();
  const make = useMutation({
    mutationFn: () => api.createRoom(freeName(t("call.test_room"), rooms), null),
    async onSuccess(room) {
      await cache.invalidateQueries({ queryKey: keys.rooms });
      made(room.id);
    },
  });
  return (
    <Alert color="yellow">
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{t("call.no_quiet")}</Text>
        {make.error && <Failure error={make.error} />}
        <Button size="xs" variant="default" loading={make.isPending} onClick={() => make.mutate()}>
          {t("call.make_test_room")}
        </Button>
      </Stack>
    </Alert>
  );
}
