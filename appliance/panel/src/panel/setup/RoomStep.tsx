// The first room: made here, or there already.
import { Anchor, List, Skeleton, Text, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { StepFrame, type StepProps } from "./StepFrame";

/** What a box is called that nobody has named. */
const UNNAMED = "Roombox";

export function RoomStep({ box, ...props }: StepProps & { box: BoxView }) {
  const { t } = useTranslation(["setup", "panel"]);
  const cache = useQueryClient();
  const rooms = useQuery({ queryKey: keys.rooms, queryFn: api.rooms });
  const [typed, setTyped] = useState<string | null>(null);
  const name = typed ?? (box.name === UNNAMED ? t("room.proposed") : box.name);
  // A program's room is gone with its meeting.
  const kept = rooms.data?.items.filter((room) => room.invite !== null) ?? [];
  const exists = kept.length > 0;
  const finish = async () => {
    if (!exists) {
      await api.createRoom(name.trim());
      await cache.invalidateQueries({ queryKey: keys.rooms });
    }
    // The box sees the room by itself: what was left out before is no longer.
    await props.mark("open");
  };
  return (
    <StepFrame
      title={t("room.title")}
      text={t("room.text")}
      action={exists || !rooms.data ? undefined : t("room.create")}
      finish={finish}
      stuck={!rooms.data ? "" : !exists && name.trim() === "" && t("room.stuck")}
      {...props}
    >
      {rooms.isPending && <Skeleton height={80} radius="md" />}
      {rooms.error && <Failure error={rooms.error} retry={() => void rooms.refetch()} />}
      {exists && (
        <>
          <Text size="sm">{t("room.exists")}</Text>
          <List size="sm">
            {kept.slice(0, 5).map((room) => (
              <List.Item key={room.id}>
                <Anchor component={Link} underline="always" href={`/rooms/${room.id}`} size="sm"><Name>{room.name}</Name></Anchor>
              </List.Item>
            ))}
          </List>
        </>
      )}
      {rooms.data && !exists && (
        <TextInput
          label={t("panel:rooms.name")}
          description={t("panel:rooms.name_hint")}
          value={name}
          maxLength={100}
          maw={420}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
    </StepFrame>
  );
}
