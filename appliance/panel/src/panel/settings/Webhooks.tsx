// Who is told what happens in rooms, and how that goes.
import { ActionIcon, Alert, Button, Group, Stack, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleOff,
  IconPencil,
  IconPlus,
  IconSend,
  IconTrash,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Webhook } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { StateBadge } from "../parts/StateBadge";
import { useFormat } from "../wording";
import { Card } from "./Card";
import { Deliveries } from "./Deliveries";
import { WebhookDialog } from "./WebhookDialog";

export function Webhooks() {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.webhooks, queryFn: api.webhooks });
  const [editing, setEditing] = useState<Webhook | "new" | null>(null);
  const [leaving, setLeaving] = useState<Webhook | null>(null);
  const refresh = () => void cache.invalidateQueries({ queryKey: keys.webhooks });
  const gone = { url: leaving?.url, count: leaving?.waiting ?? 0 };

  return (
    <Card title={t("webhooks.title")} text={t("webhooks.text")}>
      {list.error && <Failure error={list.error} />}
      {list.data && list.data.items.length > 0 && (
        <Stack gap="lg" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {list.data.items.map((webhook) => (
            <Receiver
              key={webhook.id}
              webhook={webhook}
              edit={() => setEditing(webhook)}
              leave={() => setLeaving(webhook)}
            />
          ))}
        </Stack>
      )}
      {list.data?.items.length === 0 && <Text c="dimmed">{t("webhooks.none")}</Text>}
      <Group>
        <Button
          variant="default"
          leftSection={<IconPlus size={18} aria-hidden />}
          onClick={() => setEditing("new")}
        >
          {t("webhooks.create")}
        </Button>
      </Group>
      <WebhookDialog
        webhook={editing === "new" ? null : editing}
        opened={editing !== null}
        close={() => setEditing(null)}
        done={refresh}
      />
      <Confirm
        opened={leaving !== null}
        close={() => setLeaving(null)}
        title={t("webhooks.delete_title")}
        text={
          gone.count > 0
            ? t("webhooks.delete_text_waiting", { ...gone, shown: format.number(gone.count) })
            : t("webhooks.delete_text", gone)
        }
        action={t("delete")}
        run={() => api.deleteWebhook(leaving?.id ?? "")}
        done={refresh}
      />
    </Card>
  );
}

interface ReceiverProps {
  webhook: Webhook;
  edit: () => void;
  leave: () => void;
}

function Receiver({ webhook, edit, leave }: ReceiverProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { url, key, waiting, given_up, dropped } = webhook;
  return (
    <Stack component="li" gap="xs">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={4} miw={0}>
          <Text fw={500} style={{ overflowWrap: "anywhere" }}>
            {url}
          </Text>
          <Group gap="xs">
            <State webhook={webhook} />
            {waiting > 0 && (
              <Text size="sm">
                {t("webhooks.waiting", { count: waiting, shown: format.number(waiting) })}
              </Text>
            )}
          </Group>
          <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {t(HEARD[webhook.rooms], { key })}
            {webhook.alarms && t("webhooks.and_alarms")}
          </Text>
          {webhook.last_delivered_at && (
            <Text size="xs" c="dimmed">
              {t("webhooks.delivered")} <Ago at={webhook.last_delivered_at} />
            </Text>
          )}
        </Stack>
        <Group gap="xs" wrap="nowrap">
          <ActionIcon
            variant="default"
            size={40}
            aria-label={t("webhooks.edit", { url })}
            onClick={edit}
          >
            <IconPencil size={18} />
          </ActionIcon>
          <ActionIcon
            variant="default"
            size={40}
            aria-label={t("delete_named", { name: url })}
            onClick={leave}
          >
            <IconTrash size={18} />
          </ActionIcon>
        </Group>
      </Group>
      {webhook.key_revoked && <Text size="sm">{t("webhooks.key_revoked")}</Text>}
      {webhook.failing && webhook.last_failed_at && (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {t("webhooks.failed")} <Ago at={webhook.last_failed_at} />: {webhook.last_error}
        </Text>
      )}
      {given_up + dropped > 0 && (
        <Text size="sm">
          {t("webhooks.lost", {
            given_up: format.number(given_up),
            dropped: format.number(dropped),
          })}
        </Text>
      )}
      <Trial webhook={webhook} />
      <Deliveries webhook={webhook} />
    </Stack>
  );
}

const HEARD = { of_key: "webhooks.of_key", all: "webhooks.of_all", none: "webhooks.of_none" } as const;

const LOOKS = {
  off: { icon: IconCircleOff, color: "gray" },
  key_revoked: { icon: IconAlertTriangle, color: "orange" },
  failing: { icon: IconAlertTriangle, color: "orange" },
  works: { icon: IconCircleCheck, color: "teal" },
  quiet: { icon: IconCircleDashed, color: "gray" },
} as const;

function stateOf(webhook: Webhook): keyof typeof LOOKS {
  if (!webhook.enabled) return "off";
  if (webhook.key_revoked) return "key_revoked";
  if (webhook.failing) return "failing";
  return webhook.last_delivered_at ? "works" : "quiet";
}

function State({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation("panel");
  const state = stateOf(webhook);
  return <StateBadge look={LOOKS[state]} word={t(`webhooks.state.${state}`)} />;
}

/** Sends a test event and says what came of it. */
function Trial({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const trial = useMutation({ mutationFn: () => api.testWebhook(webhook.id) });
  return (
    <Stack gap="xs" align="flex-start">
      <Button
        variant="default"
        size="xs"
        loading={trial.isPending}
        leftSection={<IconSend size={16} aria-hidden />}
        aria-label={t("webhooks.test_named", { url: webhook.url })}
        onClick={() => trial.mutate()}
      >
        {t("webhooks.test")}
      </Button>
      {trial.error && <Failure error={trial.error} />}
      {trial.data && (
        <Alert
          role="status"
          p="xs"
          color={trial.data.delivered ? "teal" : "orange"}
          icon={
            trial.data.delivered ? (
              <IconCircleCheck size={18} aria-hidden />
            ) : (
              <IconAlertTriangle size={18} aria-hidden />
            )
          }
        >
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {trial.data.delivered
              ? t("webhooks.test_ok", {
                  status: trial.data.status,
                  ms: format.number(trial.data.took_ms),
                })
              : t("webhooks.test_failed", { message: trial.data.error })}
          </Text>
        </Alert>
      )}
    </Stack>
  );
}
