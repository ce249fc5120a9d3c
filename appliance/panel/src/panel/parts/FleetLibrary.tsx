// Recordings of all boxes of a hub, found by words; each is on its own box.
import { Anchor, Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconExternalLink, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { FleetRecording } from "../../api/schema";
import { isolated } from "../../direction";
import { useFormat } from "../wording";
import { Failure } from "./Failure";

const PAUSE_MS = 250;
/** What the box takes at most. */
const LONGEST = 200;

export function FleetLibrary() {
  const { t } = useTranslation("panel");
  const [text, setText] = useState("");
  const [asked] = useDebouncedValue(text, PAUSE_MS);
  const found = useInfiniteQuery({
    queryKey: keys.fleetRecordings(asked),
    queryFn: ({ pageParam }) => api.fleetRecordings(asked, pageParam),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4" mb="sm">
        {t("fleet.library")}
      </Title>
      <Stack gap="sm">
        <TextInput
          type="search"
          label={t("fleet.library_search")}
          description={t("fleet.library_text")}
          maxLength={LONGEST}
          leftSection={<IconSearch size={18} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {found.error && <Failure error={found.error} />}
        {found.data && items.length === 0 && (
          <Text c="dimmed">{asked.trim() === "" ? t("fleet.library_none") : t("fleet.library_nothing")}</Text>
        )}
        <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {items.map((item) => (
            <Row key={`${item.box.id} ${item.id}`} item={item} />
          ))}
        </Stack>
        {found.hasNextPage && (
          <Button
            variant="default"
            style={{ alignSelf: "flex-start" }}
            loading={found.isFetchingNextPage}
            onClick={() => void found.fetchNextPage()}
          >
            {t("fleet.library_more")}
          </Button>
        )}
      </Stack>
    </Paper>
  );
}

function Row({ item }: { item: FleetRecording }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const facts = [
    isolated(item.box.name ?? item.box.id),
    item.room && isolated(item.room),
    format.dateTime(item.started_at),
    item.duration_ms > 0 && format.clock(item.duration_ms),
    item.bytes > 0 && format.bytes(item.bytes),
  ];
  return (
    <li>
      <Group gap="sm" justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Text style={{ overflowWrap: "anywhere" }}><Name>{item.title}</Name></Text>
          <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {facts.filter(Boolean).join(" · ")}
          </Text>
        </div>
        {item.url && (
          <Anchor
            href={item.url}
            target="_blank"
            rel="noreferrer"
            size="sm"
            style={{ flex: "none", display: "inline-flex", gap: 4, alignItems: "center" }}
            aria-label={t("fleet.library_open_named", { name: item.title })}
          >
            {t("fleet.library_open")}
            <IconExternalLink size={16} aria-hidden />
          </Anchor>
        )}
      </Group>
    </li>
  );
}
