// Personal links into a room: for whom, until when, and their end.
import {
  ActionIcon,
  Badge,
  Button,
  Center,
  Group,
  Modal,
  Paper,
  Select,
  Skeleton,
  Stack,
  Switch,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLinkPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { keys } from "../../api/keys";
import { personalLink, rooms } from "../../api/rooms";
import type { LinkRole, NewRoomLinkSecret, Room, RoomLink } from "../../api/schema";
import { useNow } from "../now";
import { useFormat } from "../wording";
import { Ago } from "./Ago";
import { Confirm } from "./Confirm";
import { CopyField } from "./CopyField";
import { Failure } from "./Failure";

const DAY_S = 86_400;
/** Days that a link is good for; 0: until it is revoked. */
const TERMS = [1, 7, 30, 365, 0];
const ROLES = ["guest", "moderator"] as const satisfies LinkRole[];

export function RoomLinks({ room }: { room: Room }) {
  const { t } = useTranslation("panel");
  const links = useQuery({ queryKey: keys.roomLinks(room.id), queryFn: () => rooms.links(room.id) });
  const [making, dialog] = useDisclosure(false);
  return (
    <Paper className="surface" p="md" component="section" aria-label={t("links.title")}>
      <Group justify="space-between" gap="sm" mb={4}>
        <Title order={2} size="h4">
          {t("links.title")}
        </Title>
        <Button
          variant="light"
          leftSection={<IconLinkPlus size={18} aria-hidden />}
          onClick={dialog.open}
        >
          {t("links.new")}
        </Button>
      </Group>
      <Text size="sm" c="dimmed" mb="sm">
        {t("links.text")}
      </Text>
      {links.error && <Failure error={links.error} retry={() => void links.refetch()} />}
      {links.isPending && <Skeleton height={48} />}
      {links.data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("links.none")}
        </Text>
      )}
      {links.data && links.data.items.length > 0 && (
        <Stack component="ul" gap="xs" p={0} m={0} style={{ listStyle: "none" }}>
          {links.data.items.map((link) => (
            <Row key={link.id} room={room.id} link={link} />
          ))}
        </Stack>
      )}
      <MakeDialog room={room} opened={making} close={dialog.close} />
    </Paper>
  );
}

function Row({ room, link }: { room: string; link: RoomLink }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [revoking, revoke] = useDisclosure(false);
  const now = useNow();
  const format = useFormat();
  const over = link.expires_at !== null && Date.parse(link.expires_at) <= now;
  return (
    <Group component="li" justify="space-between" wrap="nowrap" gap="sm">
      <div style={{ minWidth: 0 }}>
        <Group gap="xs">
          <Text fw={500} style={{ overflowWrap: "anywhere" }}>
            <Name>{link.name}</Name>
          </Text>
          <Badge variant="light" tt="none" color={link.role === "moderator" ? undefined : "gray"}>
            {t(`links.role.${link.role}`)}
          </Badge>
          {over && (
            <Badge variant="light" tt="none" color="red">
              {t("links.over")}
            </Badge>
          )}
        </Group>
        <Text size="sm" c="dimmed">
          {link.last_used_at ? (
            <>
              {t("links.used")} <Ago at={link.last_used_at} />
            </>
          ) : (
            t("links.unused")
          )}
          {" · "}
          {link.expires_at ? (
            `${t(over ? "links.ended" : "links.until")} ${format.dateTime(link.expires_at)}`
          ) : (
            t("links.forever")
          )}
        </Text>
      </div>
      <ActionIcon
        variant="subtle"
        color="red"
        size="lg"
        aria-label={t("links.revoke_named", { name: link.name })}
        title={t("links.revoke_named", { name: link.name })}
        onClick={revoke.open}
      >
        <IconTrash size={18} aria-hidden />
      </ActionIcon>
      <Confirm
        opened={revoking}
        close={revoke.close}
        title={t("links.revoke_title", { name: link.name })}
        text={t("links.revoke_text")}
        action={t("links.revoke")}
        run={() => rooms.revokeLink(room, link.id)}
        done={() => void cache.invalidateQueries({ queryKey: keys.roomLinks(room) })}
      />
    </Group>
  );
}

interface MakeDialogProps {
  room: Room;
  opened: boolean;
  close: () => void;
}

function MakeDialog({ room, opened, close }: MakeDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const [made, setMade] = useState<NewRoomLinkSecret>();
  return (
    <Modal
      opened={opened}
      onClose={() => {
        close();
        setMade(undefined);
      }}
      title={made ? t("links.made", { name: made.name }) : t("links.new")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      {made ? <Made room={room} link={made} /> : <Form room={room.id} made={setMade} />}
    </Modal>
  );
}

function Form({ room, made }: { room: string; made: (link: NewRoomLinkSecret) => void }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [fixed, setFixed] = useState(false);
  const [role, setRole] = useState<LinkRole>("guest");
  const [days, setDays] = useState(TERMS[2] ?? 0);
  const make = useMutation({
    mutationFn: () =>
      rooms.addLink(room, {
        name: name.trim(),
        name_fixed: fixed,
        role,
        ...(days > 0 && { expires_in_s: days * DAY_S }),
      }),
    onSuccess(link) {
      void cache.invalidateQueries({ queryKey: keys.roomLinks(room) });
      made(link);
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() !== "") make.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t("links.name")}
          placeholder={t("links.name_example")}
          value={name}
          maxLength={100}
          required
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        <Switch
          label={t("links.fixed")}
          description={t("links.fixed_text")}
          checked={fixed}
          onChange={(event) => setFixed(event.currentTarget.checked)}
        />
        <Select
          label={t("links.role_label")}
          description={t(`links.role_text.${role}`)}
          allowDeselect={false}
          data={ROLES.map((value) => ({ value, label: t(`links.role.${value}`) }))}
          value={role}
          onChange={(value) => setRole((value ?? "guest") as LinkRole)}
        />
        <Select
          label={t("links.term")}
          allowDeselect={false}
          data={TERMS.map((value) => ({
            value: String(value),
            label: value > 0 ? t("links.days", { count: value }) : t("links.forever"),
          }))}
          value={String(days)}
          onChange={(value) => setDays(Number(value))}
        />
        {make.error && <Failure error={make.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={make.isPending} disabled={name.trim() === ""}>
            {t("links.make")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Made({ room, link }: { room: Room; link: NewRoomLinkSecret }) {
  const { t } = useTranslation("panel");
  const address = personalLink(room.id, link.secret, location.origin);
  return (
    <Stack>
      <Text size="sm">{t("links.once")}</Text>
      <CopyField label={t("links.link")} value={address} />
      <Center>
        <div className="qr">
          <QRCodeSVG value={address} size={184} level="M" title={t("links.qr", { name: link.name })} />
        </div>
      </Center>
    </Stack>
  );
}
