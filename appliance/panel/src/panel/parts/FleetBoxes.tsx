// The boxes of a hub, and the code with which another one joins.
import { ActionIcon, Button, Center, Group, Paper, Stack, Text, Title } from "@mantine/core";
import {
  IconCircleCheck,
  IconClockQuestion,
  IconCloudOff,
  IconCopyX,
  IconPlus,
  IconTrash,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { FleetBox, FleetView, NewInvite } from "../../api/schema";
import { ShownOnce } from "../settings/ShownOnce";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { Ago } from "./Ago";
import { Confirm } from "./Confirm";
import { Failure } from "./Failure";
import { StateBadge, type StateLook } from "./StateBadge";

const STATES: Record<FleetBox["state"], StateLook> = {
  unheard: { icon: IconClockQuestion, color: "gray" },
  here: { icon: IconCircleCheck, color: "green" },
  stale: { icon: IconCloudOff, color: "yellow" },
  cloned: { icon: IconCopyX, color: "red" },
};

export function FleetBoxes({ view }: { view: FleetView }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const runs = useMay()("run_fleet");
  const [fresh, setFresh] = useState<NewInvite | null>(null);
  const [leaving, setLeaving] = useState<FleetBox | null>(null);
  const invite = useMutation({ mutationFn: api.inviteBox, onSuccess: setFresh });
  const refresh = () => cache.invalidateQueries({ queryKey: keys.fleet });
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4" mb="sm">
        {t("fleet.boxes")}
      </Title>
      <Stack gap="md">
        {fresh && <Fresh made={fresh} done={() => setFresh(null)} />}
        <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {view.boxes.map((box) => (
            <Row key={box.id} box={box} own={box.id === view.id} runs={runs} leave={() => setLeaving(box)} />
          ))}
        </Stack>
        {view.boxes.every((box) => box.id === view.id) && <Text c="dimmed">{t("fleet.boxes_none")}</Text>}
        {invite.error && <Failure error={invite.error} />}
        {runs && (
          <Button
            variant="default"
            style={{ alignSelf: "flex-start" }}
            leftSection={<IconPlus size={18} aria-hidden />}
            loading={invite.isPending}
            onClick={() => invite.mutate()}
          >
            {t("fleet.invite")}
          </Button>
        )}
      </Stack>
      <Confirm
        opened={leaving !== null}
        close={() => setLeaving(null)}
        title={t("fleet.expel_title", { name: leaving?.name })}
        text={t("fleet.expel_text")}
        action={t("fleet.expel")}
        run={() => api.expelBox(leaving?.id ?? "")}
        done={() => void refresh()}
      />
    </Paper>
  );
}

function Row({ box, own, runs, leave }: { box: FleetBox; own: boolean; runs: boolean; leave: () => void }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { pulse } = box;
  const facts = pulse && [
    t("fleet.version", { version: pulse.version }),
    pulse.recordings > 0 && t("fleet.recording", { count: pulse.recordings, shown: pulse.recordings }),
    t("fleet.free", { free: format.bytes(pulse.free_bytes), total: format.bytes(pulse.total_bytes) }),
    pulse.waiting > 0 && t("fleet.waits", { count: pulse.waiting, shown: pulse.waiting }),
  ];
  return (
    <Group component="li" justify="space-between" wrap="nowrap">
      <Stack gap={2} miw={0}>
        <Group gap="xs">
          <Text fw={500} style={{ overflowWrap: "anywhere" }}>
            {box.name}
          </Text>
          <StateBadge look={STATES[box.state]} word={t(`fleet.state.${box.state}`)} />
          {own && (
            <Text size="xs" c="dimmed">
              {t("fleet.this_box")}
            </Text>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {facts && facts.filter(Boolean).join(" · ")}
          {box.heard_at && box.state !== "here" && (
            <>
              {" · "}
              {t("fleet.heard")} <Ago at={box.heard_at} />
            </>
          )}
        </Text>
      </Stack>
      {!own && runs && (
        <ActionIcon
          variant="default"
          size={40}
          aria-label={t("fleet.expel_named", { name: box.name })}
          onClick={leave}
        >
          <IconTrash size={18} />
        </ActionIcon>
      )}
    </Group>
  );
}

function Fresh({ made, done }: { made: NewInvite; done: () => void }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  return (
    <ShownOnce fields={[{ label: t("fleet.invite_code"), value: made.code }]} done={done}>
      <Text size="sm">{t("fleet.invite_text", { until: format.dateTime(made.expires_at) })}</Text>
      <Center>
        <div className="qr">
          <QRCodeSVG value={made.code} size={184} level="M" title={t("fleet.invite_qr")} />
        </div>
      </Center>
    </ShownOnce>
  );
}
