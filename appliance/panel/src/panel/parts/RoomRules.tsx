// What holds in a room, in groups: who comes in, what guests may, and what becomes of its recordings.
import { Anchor, Divider, Paper, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { rooms } from "../../api/rooms";
import type { GuestEntry, Layout, Room, RulesPatch } from "../../api/schema";
import { useMay } from "../session";
import { RoomCodecs } from "../templates/RoomCodecs";
import { LAYOUTS } from "./choices";
import { Invite } from "./InviteDialog";
import { RecordAlways } from "./RecordAlways";
import { RoomChoice } from "./RoomChoice";
import { RoomNumber } from "./RoomNumber";
import { RoomPin } from "./RoomPin";
import { RoomSwitch } from "./RoomSwitch";

const ENTRIES = ["anyone", "with_pin", "nobody"] as const satisfies GuestEntry[];
const BOX = "box";

export function RoomRules({ room }: { room: Room }) {
  const { t } = useTranslation("panel");
  const { rules } = room;
  const change = (patch: RulesPatch) => rooms.change(room.id, patch);
  return (
    <Paper className="surface" p="md" component="section" aria-label={t("rules.title")}>
      <Title order={2} size="h4" mb="md">
        {t("rules.title")}
      </Title>
      <Stack gap="xl">
        <Part title={t("rules.joining")}>
          <RoomChoice
            label={t("rules.guests")}
            description={t("rules.guests_text")}
            data={ENTRIES.map((value) => ({ value, label: t(`rules.entry.${value}`) }))}
            value={rules.guests}
            change={(guests) => change({ guests: guests as GuestEntry })}
          />
          {rules.guests === "with_pin" && <RoomPin room={room.id} />}
          {rules.guests !== "nobody" && <Invite room={room} />}
          <RoomSwitch
            label={t("room.lobby")}
            description={t("room.lobby_text")}
            on={room.lobby}
            change={(on) => api.setLobby(room.id, on)}
          />
          <RoomNumber
            label={t("rules.max_people")}
            description={t("rules.max_people_text")}
            suffix=""
            max={10_000}
            value={rules.max_people}
            change={(max_people) => change({ max_people })}
          />
        </Part>
        <Part title={t("rules.moderation")}>
          <RoomSwitch
            label={t("rules.muted")}
            description={t("rules.muted_text")}
            on={rules.guests_muted}
            change={(guests_muted) => change({ guests_muted })}
          />
          <RoomSwitch
            label={t("rules.camera")}
            description={t("rules.camera_text")}
            on={rules.guests_camera}
            change={(guests_camera) => change({ guests_camera })}
          />
          <RoomSwitch
            label={t("rules.share")}
            description={t("rules.share_text")}
            on={rules.guests_share}
            change={(guests_share) => change({ guests_share })}
          />
          <RoomSwitch
            label={t("rules.chat")}
            description={t("rules.chat_text")}
            on={rules.guests_chat}
            change={(guests_chat) => change({ guests_chat })}
          />
        </Part>
        <Part title={t("rules.picture")}>
          <Arrangement layout={rules.layout} change={(layout) => change({ layout })} />
          <RoomCodecs room={room} />
        </Part>
        <Part title={t("rules.recording")}>
          <RecordAlways room={room} />
        </Part>
        <Copies />
        <Part title={t("rules.retention")}>
          <KeepDays days={rules.keep_days} change={(keep_days) => change({ keep_days })} />
        </Part>
      </Stack>
    </Paper>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap="md">
      <Divider
        label={
          <Title order={3} size="h6" c="dimmed">
            {title}
          </Title>
        }
        labelPosition="left"
      />
      {children}
    </Stack>
  );
}

interface ArrangementProps {
  layout: Layout | null;
  change: (layout: Layout | null) => Promise<unknown>;
}

function Arrangement({ layout, change }: ArrangementProps) {
  const { t } = useTranslation("panel");
  const may = useMay();
  const settings = useQuery({ queryKey: keys.settings, queryFn: api.settings, enabled: may("configure") });
  const boxs = settings.data?.recording.layout;
  const box = boxs ? t("rules.layout_box", { layout: t(`layout.${boxs}`) }) : t("rules.layout_box_plain");
  return (
    <RoomChoice
      label={t("rules.layout")}
      description={t("rules.layout_text")}
      data={[
        { value: BOX, label: box },
        ...LAYOUTS.map((value) => ({ value, label: t(`layout.${value}`) })),
      ]}
      value={layout ?? BOX}
      change={(wanted) => change(wanted === BOX ? null : (wanted as Layout))}
    />
  );
}

/** Only who may change them is led there. */
function Copies() {
  const { t } = useTranslation("panel");
  const may = useMay();
  if (!may("configure")) return null;
  return (
    <Part title={t("rules.copies")}>
      <Text size="sm">
        {t("rules.copies_text")}{" "}
        <Anchor component={Link} href="/settings" underline="always" inherit>
          {t("rules.copies_link")}
        </Anchor>
      </Text>
    </Part>
  );
}

interface KeepDaysProps {
  days: number;
  change: (days: number) => Promise<unknown>;
}

function KeepDays({ days, change }: KeepDaysProps) {
  const { t } = useTranslation("panel");
  return (
    <RoomNumber
      label={t("rules.keep_days")}
      description={t("rules.keep_days_text")}
      suffix={` ${t("rules.days")}`}
      max={36_500}
      value={days}
      change={change}
      // What the box deletes by itself later cannot be taken back: it is asked now.
      ask={(wanted) =>
        wanted > 0 && (days === 0 || wanted < days)
          ? {
              title: t("rules.keep_title"),
              text: `${t("rules.keep_ask", { count: wanted })} ${t("rules.keep_held")}`,
              action: t("rules.keep_go"),
            }
          : null
      }
    />
  );
}
