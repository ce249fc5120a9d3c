// Who is in a meeting, what they send, and what the owner can do about it.
import { ActionIcon, Avatar, Button, Group, Skeleton, Stack, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconMicrophone,
  IconMicrophoneOff,
  IconScreenShare,
  IconUserX,
  IconVideo,
  IconVideoOff,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Participant } from "../../api/schema";
import { Ago } from "./Ago";
import { Confirm } from "./Confirm";
import { Failure, useReportFailure } from "./Failure";
import { useMay } from "../session";

export function People({ room }: { room: string }) {
  const { t } = useTranslation("panel");
  const people = useQuery({
    queryKey: keys.participants(room),
    queryFn: () => api.participants(room),
  });
  if (people.isPending) return <Skeleton height={48} />;
  if (people.error) return <Failure error={people.error} retry={() => void people.refetch()} />;
  if (people.data.items.length === 0) return <Text c="dimmed">{t("rooms.nobody")}</Text>;
  return (
    <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {people.data.items.map((person) =>
        person.waiting ? (
          <KnockingRow key={person.id} room={room} person={person} />
        ) : (
          <PersonRow key={person.id} room={room} person={person} />
        ),
      )}
    </Stack>
  );
}

/** Somebody in the lobby. */
function KnockingRow({ room, person }: { room: string; person: Participant }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const moderates = useMay()("moderate");
  const name = person.name || person.identity;
  const options = {
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.rooms }),
    onError: report,
  };
  const letIn = useMutation({ mutationFn: () => api.letIn(room, person.id), ...options });
  const turnAway = useMutation({
    mutationFn: () => api.removeParticipant(room, person.id),
    ...options,
  });
  return (
    <Group component="li" justify="space-between" gap="xs">
      <Group gap="sm" wrap="nowrap" miw={0}>
        <Avatar name={name} color="gray" radius="xl" aria-hidden />
        <Stack gap={0} miw={0}>
          <Text fw={500} truncate>
            <Name>{name}</Name>
          </Text>
          <Text size="xs" c="dimmed">
            {t("people.waiting")} <Ago at={person.joined_at} />
          </Text>
        </Stack>
      </Group>
      {moderates && (
        <Group gap={4} wrap="nowrap">
          <Button
            variant="default"
            aria-label={t("people.turn_away_named", { name })}
            loading={turnAway.isPending}
            onClick={() => turnAway.mutate()}
          >
            {t("people.turn_away")}
          </Button>
          <Button
            aria-label={t("people.let_in_named", { name })}
            loading={letIn.isPending}
            onClick={() => letIn.mutate()}
          >
            {t("people.let_in")}
          </Button>
        </Group>
      )}
    </Group>
  );
}

function PersonRow({ room, person }: { room: string; person: Participant }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const moderates = useMay()("moderate");
  const [removing, remove] = useDisclosure(false);
  const name = person.name || person.identity;
  const refresh = () => cache.invalidateQueries({ queryKey: keys.rooms });
  const mute = useMutation({
    mutationFn: () => api.muteParticipant(room, person.id),
    onSuccess: refresh,
    onError: report,
  });
  const sends = (source: string) =>
    person.tracks.some((track) => track.source === source && !track.muted);
  const speaks = sends("microphone");

  return (
    <Group component="li" justify="space-between" wrap="nowrap" gap="xs">
      <Group gap="sm" wrap="nowrap" miw={0}>
        <Avatar name={name} color="accent" radius="xl" aria-hidden />
        <Stack gap={0} miw={0}>
          <Text fw={500} truncate>
            <Name>{name}</Name>
          </Text>
          <Text size="xs" c="dimmed">
            {t("people.here")} <Ago at={person.joined_at} />
          </Text>
        </Stack>
      </Group>
      <Group gap={4} wrap="nowrap">
        <Group gap={8} wrap="nowrap" mr="xs" c="dimmed" visibleFrom="xs">
          <Sends on={speaks} yes={t("people.mic_on")} no={t("people.mic_off")}>
            {speaks ? <IconMicrophone size={18} /> : <IconMicrophoneOff size={18} />}
          </Sends>
          <Sends on={sends("camera")} yes={t("people.camera_on")} no={t("people.camera_off")}>
            {sends("camera") ? <IconVideo size={18} /> : <IconVideoOff size={18} />}
          </Sends>
          {sends("screen_share") && (
            <Sends on yes={t("people.shares")} no="">
              <IconScreenShare size={18} />
            </Sends>
          )}
        </Group>
        {moderates && (
          <>
            <Tooltip label={t("people.mute")}>
              <ActionIcon
                variant="default"
                size={40}
                aria-label={t("people.mute_named", { name })}
                disabled={!speaks}
                loading={mute.isPending}
                onClick={() => mute.mutate()}
              >
                <IconMicrophoneOff size={18} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label={t("people.remove")}>
              <ActionIcon
                variant="default"
                size={40}
                aria-label={t("people.remove_named", { name })}
                onClick={remove.open}
              >
                <IconUserX size={18} />
              </ActionIcon>
            </Tooltip>
          </>
        )}
      </Group>
      <Confirm
        opened={removing}
        close={remove.close}
        title={t("people.remove_title", { name })}
        text={t("people.remove_text")}
        action={t("people.remove")}
        run={() => api.removeParticipant(room, person.id)}
        done={() => void refresh()}
      />
    </Group>
  );
}

interface SendsProps {
  on: boolean;
  yes: string;
  no: string;
  children: React.ReactNode;
}

function Sends({ on, yes, no, children }: SendsProps) {
  const text = on ? yes : no;
  return (
    <Tooltip label={text}>
      <span role="img" aria-label={text} style={{ display: "inline-flex" }}>
        {children}
      </span>
    </Tooltip>
  );
}
