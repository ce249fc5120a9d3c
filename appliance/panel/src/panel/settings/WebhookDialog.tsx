// A receiver of webhooks: a new one, or one that changes.
import { Button, Group, Modal, Radio, Select, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, Refusal } from "../../api/client";
import { keys } from "../../api/keys";
import type { RoomsHeard, Webhook } from "../../api/schema";
import { useRefusalText } from "../../i18n/refusal";
import { Failure } from "../parts/Failure";
import { isInNetwork } from "./inNetwork";

interface WebhookDialogProps {
  /** `null`: a new one. */
  webhook: Webhook | null;
  opened: boolean;
  close: () => void;
  done: () => void;
}

export function WebhookDialog(props: WebhookDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={props.opened}
      onClose={props.close}
      title={t(props.webhook ? "webhooks.edit_title" : "webhooks.create")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <WebhookForm {...props} />
    </Modal>
  );
}

const ROOMS: RoomsHeard[] = ["of_key", "all", "none"];

function WebhookForm({ webhook, close, done }: WebhookDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const textOf = useRefusalText();
  const known = useQuery({ queryKey: keys.livekitKeys, queryFn: api.keys });
  const offered = known.data?.items.map((item) => item.key) ?? [];
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [chosen, setChosen] = useState<string | null>(null);
  const [rooms, setRooms] = useState<RoomsHeard>(webhook?.rooms ?? "of_key");
  const [alarms, setAlarms] = useState(webhook?.alarms ?? false);
  const [allowed, setAllowed] = useState<boolean | null>(null);
  // What was allowed of one address is not of another.
  const asBefore = webhook?.url === url.trim() ? webhook.in_network : null;
  const inNetwork = allowed ?? asBefore ?? isInNetwork(url);
  const [enabled, setEnabled] = useState(webhook?.enabled ?? true);
  const before = webhook && !webhook.key_revoked ? webhook.key : null;
  const key = chosen ?? before ?? offered[0] ?? null;
  const wanted = { url: url.trim(), key: key ?? "", rooms, alarms, in_network: inNetwork, enabled };
  const work = useMutation({
    mutationFn() {
      return webhook ? api.changeWebhook(webhook.id, wanted) : api.createWebhook(wanted);
    },
    onSuccess() {
      done();
      close();
    },
  });
  const field = work.error instanceof Refusal ? work.error.problem.field : undefined;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    work.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t("webhooks.url")}
          description={t("webhooks.url_text")}
          placeholder="https://"
          type="url"
          value={url}
          maxLength={2000}
          required
          data-autofocus
          onChange={(event) => setUrl(event.currentTarget.value)}
          error={field === "url" ? textOf(work.error) : null}
        />
        <Switch
          label={t("webhooks.in_network")}
          description={t("webhooks.in_network_text")}
          checked={inNetwork}
          onChange={(event) => setAllowed(event.currentTarget.checked)}
        />
        <Select
          label={t("webhooks.key")}
          description={t("webhooks.key_text")}
          data={offered}
          value={key}
          allowDeselect={false}
          required
          onChange={setChosen}
          error={field === "key" ? textOf(work.error) : null}
        />
        {known.data && offered.length === 0 && <Text size="sm">{t("webhooks.no_key")}</Text>}
        <Radio.Group
          label={t("webhooks.rooms")}
          value={rooms}
          onChange={(value) => setRooms(value as RoomsHeard)}
        >
          <Stack gap="xs" mt="sm">
            {ROOMS.map((each) => (
              <Radio
                key={each}
                value={each}
                label={t(`webhooks.rooms_${each}`)}
                description={t(`webhooks.rooms_${each}_text`)}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Switch
          label={t("webhooks.alarms")}
          description={t("webhooks.alarms_text")}
          checked={alarms}
          onChange={(event) => setAlarms(event.currentTarget.checked)}
        />
        {webhook && (
          <Switch
            label={t("webhooks.enabled")}
            description={t("webhooks.enabled_text")}
            checked={enabled}
            onChange={(event) => setEnabled(event.currentTarget.checked)}
          />
        )}
        {work.error && !field && <Failure error={work.error} />}
        {known.error && <Failure error={known.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button
            type="submit"
            loading={work.isPending}
            disabled={url.trim() === "" || key === null}
          >
            {t(webhook ? "save" : "webhooks.add")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
