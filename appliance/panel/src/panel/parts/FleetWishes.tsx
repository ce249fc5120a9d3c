// At a hub: groups of settings, the boxes in them, and what somebody is to decide.
import { Alert, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconHistory, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxWish, FleetGroup, WishesView } from "../../api/schema";
import { useMay } from "../session";
import { isolated } from "../../direction";
import { useFormat } from "../wording";
import { BoxWishDialog } from "./BoxWishDialog";
import { Confirm } from "./Confirm";
import { Failure } from "./Failure";
import { POWERS } from "./FleetPowers";
import { GroupDialog } from "./GroupDialog";
import { Sides } from "./Sides";
import { useSettingWords } from "./settingWords";
import { WISH_STATES } from "./standings";
import { StateBadge } from "./StateBadge";

/** A box answers a wish within seconds. */
const LOOK_AGAIN_MS = 3_000;

export function FleetWishes() {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const runs = useMay()("run_fleet");
  const query = useQuery({ queryKey: keys.wishes, queryFn: api.wishes, refetchInterval: LOOK_AGAIN_MS });
  const [group, setGroup] = useState<FleetGroup | "new" | null>(null);
  const [gone, setGone] = useState<FleetGroup | null>(null);
  const [box, setBox] = useState<BoxWish | null>(null);
  const learn = (view: WishesView) => void cache.setQueryData(keys.wishes, view);
  if (!query.data) return query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : null;
  const { groups, boxes } = query.data;
  return (
    <Paper className="surface" p="md" component="section">
      <Stack gap="md">
        <Stack gap={4}>
          <Title order={2} size="h4">
            {t("fleet.twin.hub_title")}
          </Title>
          <Text size="sm" c="dimmed">
            {t("fleet.twin.hub_text")}
          </Text>
        </Stack>
        <Title order={3} size="h5">
          {t("fleet.twin.groups")}
        </Title>
        {groups.length === 0 && <Text c="dimmed">{t("fleet.twin.groups_none")}</Text>}
        <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {groups.map((one) => (
            <GroupRow key={one.id} group={one} runs={runs} edit={() => setGroup(one)} remove={() => setGone(one)} />
          ))}
        </Stack>
        {runs && (
          <Button
            variant="default"
            style={{ alignSelf: "flex-start" }}
            leftSection={<IconPlus size={18} aria-hidden />}
            onClick={() => setGroup("new")}
          >
            {t("fleet.twin.group_new")}
          </Button>
        )}
        <Title order={3} size="h5">
          {t("fleet.boxes")}
        </Title>
        <Stack gap="md" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {boxes.map((one) => (
            <BoxRow key={one.id} box={one} groups={groups} runs={runs} edit={() => setBox(one)} learn={learn} />
          ))}
        </Stack>
      </Stack>
      {group && <GroupDialog group={group} close={() => setGroup(null)} learn={learn} />}
      {box && <BoxWishDialog box={box} groups={groups} close={() => setBox(null)} learn={learn} />}
      <Confirm
        opened={gone !== null}
        close={() => setGone(null)}
        title={t("fleet.twin.group_delete_title", { name: gone?.name })}
        text={t("fleet.twin.group_delete_text")}
        action={t("fleet.twin.group_delete")}
        run={() => api.deleteGroup(gone?.id ?? "")}
        done={() => void cache.invalidateQueries({ queryKey: keys.wishes })}
      />
    </Paper>
  );
}

interface GroupRowProps {
  group: FleetGroup;
  runs: boolean;
  edit: () => void;
  remove: () => void;
}

function GroupRow({ group, runs, edit, remove }: GroupRowProps) {
  const { t } = useTranslation("panel");
  const settings = Object.keys(group.settings).length;
  const { name } = group;
  return (
    <Group component="li" justify="space-between" gap="sm">
      <Stack gap={2} miw={0}>
        <Text fw={500} style={{ overflowWrap: "anywhere" }}>
          {name}
        </Text>
        <Text size="xs" c="dimmed">
          {t("fleet.twin.group_settings", { count: settings, shown: settings })} ·{" "}
          {t("fleet.twin.group_boxes", { count: group.boxes, shown: group.boxes })}
        </Text>
      </Stack>
      {runs && (
        <Group gap="xs">
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPencil size={16} aria-hidden />}
            aria-label={t("fleet.twin.group_edit_named", { name })}
            onClick={edit}
          >
            {t("fleet.twin.group_edit")}
          </Button>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconTrash size={16} aria-hidden />}
            aria-label={t("fleet.twin.group_delete_named", { name })}
            onClick={remove}
          >
            {t("fleet.twin.group_delete")}
          </Button>
        </Group>
      )}
    </Group>
  );
}

interface BoxRowProps {
  box: BoxWish;
  groups: FleetGroup[];
  runs: boolean;
  edit: () => void;
  learn: (view: WishesView) => void;
}

function BoxRow({ box, groups, runs, edit, learn }: BoxRowProps) {
  const { t } = useTranslation("panel");
  const group = groups.find(({ id }) => id === box.group);
  const open = box.entries.filter(({ standing }) => standing === "differs" || standing === "kept");
  const { name } = box;
  return (
    <Stack gap="xs" component="li">
      <Group justify="space-between" gap="sm">
        <Stack gap={2} miw={0}>
          <Group gap="xs">
            <Text fw={500} style={{ overflowWrap: "anywhere" }}>
              <Name>{name}</Name>
            </Text>
            <StateBadge look={WISH_STATES[box.state]} word={t(`fleet.twin.state.${box.state}`)} />
          </Group>
          <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {[group?.name ?? t("fleet.twin.group_none"), box.site].filter((part) => part !== "").map(isolated).join(" · ")}
          </Text>
        </Stack>
        {runs && (
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPencil size={16} aria-hidden />}
            aria-label={t("fleet.twin.box_edit_named", { name })}
            onClick={edit}
          >
            {t("fleet.twin.box_edit")}
          </Button>
        )}
      </Group>
      <Reasons box={box} />
      {box.state === "ahead" && <Ahead box={box} runs={runs} learn={learn} />}
      {open.map((entry) => (
        <Sides
          key={entry.setting}
          entry={entry}
          decides={runs}
          decide={async (choice) => learn(await api.decideWish(box.id, entry.setting, choice))}
        />
      ))}
    </Stack>
  );
}

/** What a box does not have as it is wanted, and why. */
function Reasons({ box }: { box: BoxWish }) {
  const { t } = useTranslation("panel");
  const words = useSettingWords();
  const format = useFormat();
  const refuses = POWERS.filter((power) => box.refuses[power]).map((power) => t(`fleet.twin.refuse.${power}`));
  const refused = POWERS.filter((power) => box.refused[power] > 0).map(
    (power) => `${t(`fleet.twin.refuse.${power}`)} ${format.number(box.refused[power])}`,
  );
  const lines = [
    refuses.length > 0 && t("fleet.twin.refuses", { what: refuses.join(", ") }),
    refused.length > 0 && t("fleet.twin.refused_what", { what: refused.join(", ") }),
    ...box.left_out.map(({ setting, why }) => t("fleet.twin.left_out", { name: words.name(setting), why })),
    ...box.entries.map(({ setting, standing, why }) => {
      if (standing === "unknown") return t("fleet.twin.unknown_why", { name: words.name(setting) });
      return standing === "refused" && t("fleet.twin.refused_why", { name: words.name(setting), why });
    }),
  ].filter((line) => line !== false);
  return lines.map((line) => (
    <Text key={line} size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
      {line}
    </Text>
  ));
}

function Ahead({ box, runs, learn }: { box: BoxWish; runs: boolean; learn: (view: WishesView) => void }) {
  const { t } = useTranslation("panel");
  const [asks, setAsks] = useState(false);
  return (
    <Alert color="red" icon={<IconHistory size={20} aria-hidden />}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{t("fleet.twin.ahead_text")}</Text>
        {runs && (
          <Button variant="default" size="xs" aria-label={t("fleet.twin.ahead_named", { name: box.name })} onClick={() => setAsks(true)}>
            {t("fleet.twin.ahead_do")}
          </Button>
        )}
      </Stack>
      <Confirm
        opened={asks}
        close={() => setAsks(false)}
        title={t("fleet.twin.ahead_named", { name: box.name })}
        text={t("fleet.twin.ahead_text")}
        action={t("fleet.twin.ahead_do")}
        run={async () => learn(await api.sendWishAnew(box.id))}
      />
    </Alert>
  );
}
