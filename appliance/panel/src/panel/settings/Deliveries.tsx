// What a receiver of webhooks was sent last, and sending it again.
import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconClock, IconHistory, IconRefresh } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Delivery, Webhook } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Failure } from "../parts/Failure";
import { StateBadge } from "../parts/StateBadge";
import { useFormat } from "../wording";

export function Deliveries({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation("panel");
  const [shown, setShown] = useState(false);
  return (
    <Stack gap="xs" align="flex-start">
      <Anchor
        component="button"
        type="button"
        size="sm"
        aria-expanded={shown}
        aria-label={t("webhooks.log.show_named", { url: webhook.url })}
        onClick={() => setShown(!shown)}
      >
        <Group gap={6} wrap="nowrap">
          <IconHistory size={16} aria-hidden />
          {t("webhooks.log.show")}
        </Group>
      </Anchor>
      {shown && <Log webhook={webhook} />}
    </Stack>
  );
}

function Log({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation("panel");
  // What has gone since makes it another list.
  const { delivered, failed } = webhook;
  const list = useQuery({
    queryKey: [...keys.deliveries(webhook.id), delivered, failed],
    queryFn: () => api.deliveries(webhook.id),
    placeholderData: (before) => before,
  });
  if (list.error) return <Failure error={list.error} />;
  if (list.data?.items.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t("webhooks.log.none")}
      </Text>
    );
  }
  return (
    <Stack gap="sm" w="100%" mah={360} style={{ overflowY: "auto" }} tabIndex={0} role="log" aria-label={t("webhooks.log.show")}>
      {list.data?.items.map((delivery) => (
        <Line key={delivery.event} webhook={webhook.id} delivery={delivery} />
      ))}
    </Stack>
  );
}

const LOOKS = {
  delivered: { icon: IconCircleCheck, color: "teal" },
  waiting: { icon: IconClock, color: "yellow" },
  given_up: { icon: IconAlertTriangle, color: "orange" },
} as const;

function Line({ webhook, delivery }: { webhook: string; delivery: Delivery }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const again = useMutation({
    mutationFn: () => api.sendAgain(webhook, delivery.event),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.deliveries(webhook) }),
  });
  const { what, room, state, attempts, status } = delivery;
  const answered = status === null ? "" : `, ${t("webhooks.log.answered", { status })}`;
  return (
    <Group justify="space-between" wrap="nowrap" align="flex-start">
      <Stack gap={2} miw={0}>
        <Group gap="xs">
          <StateBadge look={LOOKS[state]} word={t(`webhooks.log.state.${state}`)} />
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            <Text span ff="monospace" size="xs">
              {what}
            </Text>{" "}
            · {room === "" ? t("webhooks.log.box") : room}
          </Text>
        </Group>
        <Text size="xs" c="dimmed">
          <Ago at={delivery.at} />,{" "}
          {t("webhooks.log.attempts", { count: attempts, shown: format.number(attempts) })}
          {answered}
        </Text>
        {delivery.error && (
          <Text size="xs" style={{ overflowWrap: "anywhere" }}>
            {delivery.error}
          </Text>
        )}
        {again.error && <Failure error={again.error} />}
      </Stack>
      {delivery.again ? (
        <Button
          variant="subtle"
          size="compact-sm"
          loading={again.isPending}
          leftSection={<IconRefresh size={16} aria-hidden />}
          aria-label={t("webhooks.log.again_named", { what })}
          style={{ flexShrink: 0 }}
          onClick={() => again.mutate()}
        >
          {t("webhooks.log.again")}
        </Button>
      ) : (
        <Text size="xs" c="dimmed">
          {t("webhooks.log.too_large")}
        </Text>
      )}
    </Group>
  );
}
