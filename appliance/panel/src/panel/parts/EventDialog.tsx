// Plans a recording, once.
import { Button, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Room } from "../../api/schema";
import { fieldOf, momentOf } from "../../schedule";
import { Failure } from "./Failure";

const HOUR_MS = 3600 * 1000;

interface EventDialogProps {
  opened: boolean;
  close: () => void;
  rooms: Room[];
}

export function EventDialog({ opened, close, rooms }: EventDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("schedule.plan")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      {rooms.length === 0 ? (
        <Text>{t("schedule.rooms_none")}</Text>
      ) : (
        <EventForm rooms={rooms} close={close} />
      )}
    </Modal>
  );
}

/** The next full hour: what is planned usually begins on one. */
function nextHour(): Date {
  return new Date(Math.ceil(Date.now() / HOUR_MS) * HOUR_MS);
}

function EventForm({ rooms, close }: { rooms: Room[]; close: () => void }) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const only = rooms.length === 1 ? (rooms[0]?.id ?? null) : null;
  const [room, setRoom] = useState<string | null>(only);
  const [title, setTitle] = useState("");
  const [from, setFrom] = useState(() => fieldOf(nextHour()));
  const [to, setTo] = useState(() => fieldOf(new Date(nextHour().getTime() + HOUR_MS)));
  const [starts, ends] = [momentOf(from), momentOf(to)];
  const work = useMutation({
    mutationFn: () =>
      api.planEvent({
        room: room ?? "",
        title: title.trim(),
        starts_at: starts ?? "",
        ends_at: ends ?? "",
      }),
    onSuccess() {
      void cache.invalidateQueries({ queryKey: keys.schedule });
      close();
    },
  });
  const moveStart = (value: string) => {
    const [before, after, end] = [momentOf(from), momentOf(value), momentOf(to)];
    setFrom(value);
    // It stays as long as it was.
    if (before && after && end) {
      setTo(fieldOf(new Date(Date.parse(end) + Date.parse(after) - Date.parse(before))));
    }
  };
  const whole = room !== null && title.trim() !== "" && starts !== null && ends !== null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (whole) work.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Select
          label={t("schedule.room")}
          placeholder={t("schedule.room_pick")}
          data={rooms.map(({ id, name }) => ({ value: id, label: name }))}
          value={room}
          allowDeselect={false}
          onChange={setRoom}
        />
        <TextInput
          label={t("schedule.title")}
          description={t("schedule.title_text")}
          placeholder={t("schedule.title_example")}
          value={title}
          maxLength={100}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <TextInput
          type="datetime-local"
          label={t("schedule.from")}
          value={from}
          onChange={(event) => moveStart(event.currentTarget.value)}
        />
        <TextInput
          type="datetime-local"
          label={t("schedule.to")}
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
        />
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button type="submit" loading={work.isPending} disabled={!whole}>
            {t("schedule.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
