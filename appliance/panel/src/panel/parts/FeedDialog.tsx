// Follows a calendar that somebody else publishes.
import { Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Room } from "../../api/schema";
import { Failure } from "./Failure";

/** No room has this id: each event's place names its room. */
const BY_PLACE = "by place";

interface FeedDialogProps {
  opened: boolean;
  close: () => void;
  rooms: Room[];
}

export function FeedDialog({ opened, close, rooms }: FeedDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("schedule.follow")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <FeedForm rooms={rooms} close={close} />
    </Modal>
  );
}

function FeedForm({ rooms, close }: { rooms: Room[]; close: () => void }) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [room, setRoom] = useState<string>(BY_PLACE);
  const work = useMutation({
    mutationFn: () =>
      api.followFeed({
        name: name.trim(),
        url: url.trim(),
        ...(room !== BY_PLACE && { room }),
      }),
    onSuccess() {
      void cache.invalidateQueries({ queryKey: keys.schedule });
      close();
    },
  });
  const whole = name.trim() !== "" && url.trim() !== "";
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (whole) work.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t("schedule.feed_name")}
          placeholder={t("schedule.feed_name_example")}
          value={name}
          maxLength={100}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label={t("schedule.feed_url")}
          description={t("schedule.feed_url_text")}
          placeholder="https://…/calendar.ics"
          inputMode="url"
          autoComplete="off"
          value={url}
          maxLength={2000}
          onChange={(event) => setUrl(event.currentTarget.value)}
        />
        <Select
          label={t("schedule.feed_room")}
          data={[
            { value: BY_PLACE, label: t("schedule.feed_place") },
            ...rooms.map(({ id, name }) => ({ value: id, label: name })),
          ]}
          value={room}
          allowDeselect={false}
          onChange={(value) => setRoom(value ?? BY_PLACE)}
        />
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button type="submit" loading={work.isPending} disabled={!whole}>
            {t("schedule.feed_save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
