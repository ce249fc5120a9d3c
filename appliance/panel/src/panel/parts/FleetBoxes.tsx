// The boxes of a hub, and the code with which another one joins.
import { Button, Center, Chip, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { FleetBox, FleetView, NewInvite } from "../../api/schema";
import { FILTERS, alarms, fits, type BoxFilter } from "../../fleet";
import { ShownOnce } from "../settings/ShownOnce";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { Confirm } from "./Confirm";
import { Failure } from "./Failure";
import { FleetRow } from "./FleetRow";

export function FleetBoxes({ view }: { view: FleetView }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const runs = useMay()("run_fleet");
  const [fresh, setFresh] = useState<NewInvite | null>(null);
  const [leaving, setLeaving] = useState<FleetBox | null>(null);
  const [filter, setFilter] = useState<BoxFilter>("all");
  const format = useFormat();
  const shown = view.boxes.filter((box) => fits(box, filter));
  const sum = view.boxes.reduce((all, box) => all + alarms(box), 0);
  const raised = view.boxes.filter((box) => alarms(box) > 0).length;
  const invite = useMutation({ mutationFn: api.inviteBox, onSuccess: setFresh });
  const refresh = () => cache.invalidateQueries({ queryKey: keys.fleet });
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4" mb="sm">
        {t("fleet.boxes")}
      </Title>
      <Stack gap="md">
        {view.boxes.length > 1 && (
          <Text c={sum > 0 ? undefined : "dimmed"}>
            {sum > 0
              ? t("fleet.alarms_in_all", {
                  count: sum,
                  shown: format.number(sum),
                  boxes: t("fleet.on_boxes", { count: raised, shown: format.number(raised) }),
                })
              : t("fleet.alarms_none")}
          </Text>
        )}
        {fresh && <Fresh made={fresh} done={() => setFresh(null)} />}
        {view.boxes.length > 1 && <Chips boxes={view.boxes} filter={filter} set={setFilter} />}
        {shown.length === 0 && <Text c="dimmed">{t(`fleet.filter_none.${filter}`)}</Text>}
        <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {shown.map((box) => (
            <FleetRow key={box.id} box={box} own={box.id === view.id} runs={runs} leave={() => setLeaving(box)} />
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

function Chips({
  boxes,
  filter,
  set,
}: {
  boxes: FleetBox[];
  filter: BoxFilter;
  set: (filter: BoxFilter) => void;
}) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  return (
    <Chip.Group
      value={filter}
      onChange={(value) => set(FILTERS.find((one) => one === value) ?? "all")}
    >
      <Group gap="xs" role="group" aria-label={t("fleet.filters")}>
        {FILTERS.map((one) => (
          <Chip key={one} value={one} size="sm">
            {t(`fleet.filter.${one}`)} · {format.number(boxes.filter((box) => fits(box, one)).length)}
          </Chip>
        ))}
      </Group>
    </Chip.Group>
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
