// Where a room is sent while it meets: servers (RTMP, SRT), and players that fetch it from the box (HLS).
import { Alert, Button, Group, Modal, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconBroadcast, IconCircleDot, IconLoader, IconPlayerStop, IconPlus, IconRefresh } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { LiveOutput } from "../../api/schema";
import { useFormat } from "../wording";
import { Confirm } from "./Confirm";
import { CopyField } from "./CopyField";
import { Failure } from "./Failure";
import { StateBadge, type StateLook } from "./StateBadge";

const LOOKS: Record<LiveOutput["state"], StateLook> = {
  connecting: { icon: IconLoader, color: "gray" },
  live: { icon: IconCircleDot, color: "green" },
  retrying: { icon: IconRefresh, color: "orange" },
};

export function Streams({ room, meets }: { room: string; meets: boolean }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.outputsOf(room), queryFn: () => api.outputs(room) });
  const [adding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<LiveOutput | null>(null);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.outputsOf(room) });
  const hls = useMutation({ mutationFn: () => api.addOutput(room), onSuccess: refresh });
  const items = list.data?.items ?? [];

  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4">
        {t("live.title")}
      </Title>
      <Text c="dimmed" size="sm" mt={4} mb="sm">
        {t("live.text")}
      </Text>
      <Stack gap="md">
        {list.error && <Failure error={list.error} />}
        {items.length > 0 && (
          <Stack gap="md" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
            {items.map((item) => (
              <Row key={item.id} item={item} leave={() => setLeaving(item)} />
            ))}
          </Stack>
        )}
        {list.data && items.length === 0 && (
          <Text c="dimmed">{meets ? t("live.none") : t("live.nobody")}</Text>
        )}
        {hls.error && <Failure error={hls.error} />}
        {meets && (
          <Group gap="sm">
            <Button
              variant="default"
              leftSection={<IconPlus size={18} aria-hidden />}
              onClick={() => setAdding(true)}
            >
              {t("live.add")}
            </Button>
            <Button
              variant="default"
              leftSection={<IconBroadcast size={18} aria-hidden />}
              loading={hls.isPending}
              onClick={() => hls.mutate()}
            >
              {t("live.add_hls")}
            </Button>
          </Group>
        )}
      </Stack>
      <AddDialog room={room} opened={adding} close={() => setAdding(false)} done={() => void refresh()} />
      <Confirm
        opened={leaving !== null}
        close={() => setLeaving(null)}
        title={t("live.stop_title")}
        text={t("live.stop_text")}
        action={t("live.stop")}
        run={() => api.stopOutput(room, leaving?.id ?? "")}
        done={() => void refresh()}
      />
    </Paper>
  );
}

function Row({ item, leave }: { item: LiveOutput; leave: () => void }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const name = item.address ?? t("live.from_box");
  const facts = [
    t(`live.kind.${item.kind}`),
    t("live.sent", { bytes: format.bytes(item.bytes) }),
    item.state === "live" && item.bps > 0 && t("live.rate", { rate: format.bitRate(item.bps / 8) }),
    item.breaks > 0 && t("live.breaks", { count: item.breaks }),
    item.egress !== null && t("live.by_program", { id: item.egress }),
  ];
  return (
    <Stack component="li" gap="xs">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={2} miw={0}>
          <Group gap="xs">
            <Text fw={500} style={{ overflowWrap: "anywhere" }}>
              {name}
            </Text>
            <StateBadge look={LOOKS[item.state]} word={t(`live.state.${item.state}`)} />
          </Group>
          <Text size="xs" c="dimmed">
            {facts.filter(Boolean).join(" · ")}
          </Text>
        </Stack>
        <Button
          variant="default"
          style={{ flexShrink: 0 }}
          leftSection={<IconPlayerStop size={18} aria-hidden />}
          aria-label={t("live.stop_named", { name })}
          onClick={leave}
        >
          {t("live.stop")}
        </Button>
      </Group>
      {item.why !== null && (
        <Alert color="orange" variant="light" p="xs">
          {t("live.why", { why: item.why })}
        </Alert>
      )}
      {item.playlist !== null && (
        <>
          <CopyField label={t("live.playlist")} value={location.origin + item.playlist} />
          <Text size="xs" c="dimmed">
            {t("live.playlist_text")}
          </Text>
        </>
      )}
    </Stack>
  );
}

interface AddProps {
  room: string;
  opened: boolean;
  close: () => void;
  done: () => void;
}

function AddDialog({ room, opened, close, done }: AddProps) {
  const { t } = useTranslation("panel");
  const shared = useTranslation("shared").t;
  const [url, setUrl] = useState("");
  const leave = () => {
    setUrl("");
    work.reset();
    close();
  };
  const work = useMutation({
    mutationFn: () => api.addOutput(room, url.trim()),
    onSuccess() {
      leave();
      done();
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    work.mutate();
  };
  return (
    <Modal
      opened={opened}
      onClose={leave}
      title={t("live.dialog")}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t("live.url")}
            description={t("live.url_text")}
            placeholder={t("live.url_hint")}
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
            required
          />
          <Text size="sm" c="dimmed">
            {t("live.key")}
          </Text>
          {work.error && <Failure error={work.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={leave}>
              {shared("cancel")}
            </Button>
            <Button type="submit" loading={work.isPending} disabled={url.trim() === ""}>
              {t("live.start")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
