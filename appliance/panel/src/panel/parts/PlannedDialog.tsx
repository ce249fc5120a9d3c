// Something that is planned: when, where, how it went, and what can be done about it.
import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconDoor, IconMovie, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Feed, ScheduledEvent } from "../../api/schema";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { Confirm } from "./Confirm";
import { Failure, useReportFailure } from "./Failure";
import { ScheduleBadge } from "./ScheduleBadge";
import { useUndo } from "./useUndo";

/** By so much a meeting usually runs over. */
const LONGER = [15, 30, 60];

interface PlannedDialogProps {
  event: ScheduledEvent;
  /** The calendar that it is from. */
  feed: Feed | undefined;
  close: () => void;
}

export function PlannedDialog({ event, feed, close }: PlannedDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const { language } = useFormat();
  const cache = useQueryClient();
  const [cancelling, cancel] = useDisclosure(false);
  const say = useUndo();
  const report = useReportFailure();
  const may = useMay();
  const refresh = () => cache.invalidateQueries({ queryKey: keys.schedule });
  const longer = useMutation({
    mutationFn: (minutes: number) => api.extendRecording(event.room_id, minutes),
    onSuccess: refresh,
  });
  // What has not begun can be planned anew as it was; the rest asks.
  const ahead = event.state === "planned";
  const drop = useMutation({
    mutationFn: () => api.cancelEvent(event.id),
    onSuccess() {
      const { room_id: room, title: called, starts_at, ends_at } = event;
      close();
      void refresh();
      say(t("undoing.planned", { title }), async () => {
        await api.planEvent({ room, title: called, starts_at, ends_at });
        await refresh();
      });
    },
    onError: report,
  });
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "full" });
  const starts = new Date(event.starts_at);
  const title = event.title || t("schedule.untitled");

  return (
    <Modal opened onClose={close} title={title} closeButtonProps={{ "aria-label": t("shared:close") }}>
      <Stack>
        <Stack gap={4} align="flex-start">
          <ScheduleBadge state={event.state} />
          <Text>{day.format(starts)}</Text>
          <Text>
            {t("schedule.time", {
              from: clock.format(starts),
              to: clock.format(new Date(event.ends_at)),
            })}{" "}
            · <Name>{event.room_name}</Name>
          </Text>
          {event.state === "missed" && <Text c="dimmed">{t("schedule.missed_text")}</Text>}
          {event.feed !== null && (
            <Text c="dimmed">{t("schedule.of_feed", { name: feed?.name ?? "" })}</Text>
          )}
        </Stack>
        {event.overlaps && (
          <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />}>
            {t("schedule.overlaps")}
          </Alert>
        )}
        {event.extendable && may("record") && (
          <Group gap="xs">
            {LONGER.map((minutes) => (
              <Button
                key={minutes}
                variant="default"
                disabled={longer.isPending}
                onClick={() => longer.mutate(minutes)}
              >
                {t("schedule.extend", { count: minutes })}
              </Button>
            ))}
          </Group>
        )}
        {longer.data && (
          <Text role="status">
            {t("schedule.extended", { time: clock.format(new Date(longer.data.ends_at)) })}
          </Text>
        )}
        {longer.error && <Failure error={longer.error} />}
        <Group justify="flex-end" gap="xs">
          {event.feed === null && may("plan") && (
            <Button
              variant="default"
              leftSection={<IconTrash size={18} aria-hidden />}
              loading={drop.isPending}
              onClick={ahead ? () => drop.mutate() : cancel.open}
            >
              {t("schedule.cancel")}
            </Button>
          )}
          <Button
            component={Link}
            href={`/rooms/${event.room_id}`}
            variant="default"
            leftSection={<IconDoor size={18} aria-hidden />}
          >
            {t("schedule.open_room")}
          </Button>
          {event.recording !== null && (
            <Button
              component={Link}
              href={`/recordings/${event.recording}`}
              leftSection={<IconMovie size={18} aria-hidden />}
            >
              {t("schedule.open_recording")}
            </Button>
          )}
        </Group>
      </Stack>
      <Confirm
        opened={cancelling}
        close={cancel.close}
        title={t("schedule.cancel_title", { title })}
        text={t("schedule.cancel_text")}
        action={t("schedule.cancel")}
        run={() => api.cancelEvent(event.id)}
        done={() => {
          close();
          void refresh();
        }}
      />
    </Modal>
  );
}
