// Calendars that are followed: how fetching them goes, and what is left out of them.
import { ActionIcon, Button, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconCircleCheck, IconRefresh } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Feed, Room } from "../../api/schema";
import { Card } from "../settings/Card";
import { Ago } from "./Ago";
import { Confirm } from "./Confirm";
import { Failure } from "./Failure";
import { StateBadge } from "./StateBadge";
import { useMay } from "../session";

export function Feeds({ feeds, rooms }: { feeds: Feed[]; rooms: Room[] }) {
  const { t } = useTranslation("panel");
  return (
    <Card title={t("schedule.feeds")} text={t("schedule.feeds_text")}>
      {feeds.length === 0 && <Text c="dimmed">{t("schedule.feeds_none")}</Text>}
      {feeds.map((feed) => (
        <FeedRow
          key={feed.id}
          feed={feed}
          room={rooms.find((room) => room.id === feed.room_id)?.name ?? null}
        />
      ))}
    </Card>
  );
}

function FeedRow({ feed, room }: { feed: Feed; room: string | null }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [removing, remove] = useDisclosure(false);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.schedule });
  const fetch = useMutation({ mutationFn: () => api.fetchFeed(feed.id), onSuccess: refresh });
  const may = useMay();
  const count = feed.left_out_count;

  return (
    <Stack gap={6} className="feed">
      <Group justify="space-between" gap="xs" align="flex-start">
        <Stack gap={2} style={{ flex: "1 1 240px", minWidth: 0 }}>
          <Group gap="xs">
            <Text fw={600}><Name>{feed.name}</Name></Text>
            <StateBadge
              look={
                feed.error === null
                  ? { icon: IconCircleCheck, color: "green" }
                  : { icon: IconAlertTriangle, color: "yellow" }
              }
              word={
                feed.error === null
                  ? t("schedule.feed_upcoming", { count: feed.upcoming })
                  : t("schedule.feed_failed")
              }
            />
          </Group>
          <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {room === null ? t("schedule.feed_of_places") : t("schedule.feed_of_room", { room })} ·{" "}
            {feed.address} · {t("schedule.feed_fetched")} <Ago at={feed.fetched_at} />
          </Text>
          {feed.error !== null && <Text size="sm">{feed.error}</Text>}
        </Stack>
        {may("configure") && (
          <Group gap={4} wrap="nowrap">
            <ActionIcon
              variant="default"
              size="lg"
              loading={fetch.isPending}
              aria-label={t("schedule.feed_fetch", { name: feed.name })}
              onClick={() => fetch.mutate()}
            >
              <IconRefresh size={18} aria-hidden />
            </ActionIcon>
            <Button variant="default" size="compact-sm" onClick={remove.open}>
              {t("schedule.feed_remove")}
            </Button>
          </Group>
        )}
      </Group>
      {fetch.error && <Failure error={fetch.error} />}
      {count > 0 && (
        <details>
          <summary>{t("schedule.left_out", { count })}</summary>
          <Stack gap={2} mt={4}>
            {feed.left_out.map(({ title, why }) => (
              <Text key={`${title} ${why}`} size="sm">
                <Name>{title || t("schedule.untitled")}</Name>: {why}
              </Text>
            ))}
          </Stack>
        </details>
      )}
      <Confirm
        opened={removing}
        close={remove.close}
        title={t("schedule.feed_remove_title", { name: feed.name })}
        text={t("schedule.feed_remove_text")}
        action={t("schedule.feed_remove")}
        run={() => api.removeFeed(feed.id)}
        done={() => void refresh()}
      />
    </Stack>
  );
}
