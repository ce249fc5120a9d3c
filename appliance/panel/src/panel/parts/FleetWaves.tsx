// At a hub: updates of groups in turns, each box as a square in the colour of its state.
import { Alert, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerStop,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isolated } from "../../direction";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Wave, WaveAct } from "../../api/schema";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { Ago } from "./Ago";
import { Failure } from "./Failure";
import { StateBadge, type StateLook } from "./StateBadge";
import { WaveDialog } from "./WaveDialog";

/** A box says within a second where it is. */
const LOOK_AGAIN_MS = 2_000;

const STATES: Record<Wave["state"], StateLook> = {
  running: { icon: IconPlayerPlay, color: "blue" },
  paused: { icon: IconPlayerPause, color: "gray" },
  halted: { icon: IconAlertTriangle, color: "red" },
  stopped: { icon: IconPlayerStop, color: "gray" },
  done: { icon: IconCircleCheck, color: "green" },
};

type BoxState = Wave["boxes"][number]["state"];

/** In the order in which boxes go through them. */
const BOXES: Record<BoxState, string> = {
  queued: "gray.4",
  sent: "cyan.5",
  waiting: "cyan.7",
  working: "blue.6",
  done: "green.7",
  rolled_back: "red.7",
  failed: "orange.7",
  refused: "gray.7",
};

export function FleetWaves() {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const runs = useMay()("run_fleet");
  const query = useQuery({ queryKey: keys.waves, queryFn: api.waves, refetchInterval: LOOK_AGAIN_MS });
  const wishes = useQuery({ queryKey: keys.wishes, queryFn: api.wishes });
  const [asks, setAsks] = useState(false);
  const learn = (waves: Wave[]) => void cache.setQueryData(keys.waves, waves);
  if (!query.data) return query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : null;
  const groups = (wishes.data?.groups ?? []).filter(({ boxes }) => boxes > 0);
  return (
    <Paper className="surface" p="md" component="section">
      <Stack gap="md">
        <Stack gap={4}>
          <Title order={2} size="h4">
            {t("fleet.waves.title")}
          </Title>
          <Text size="sm" c="dimmed">
            {t("fleet.waves.text")}
          </Text>
        </Stack>
        {query.data.length === 0 && (
          <Text c="dimmed">{t(groups.length === 0 ? "fleet.waves.none_groups" : "fleet.waves.none")}</Text>
        )}
        {query.data.slice(0, 5).map((wave) => (
          <WaveRow key={wave.id} wave={wave} runs={runs} learn={learn} />
        ))}
        {runs && groups.length > 0 && (
          <Button variant="default" style={{ alignSelf: "flex-start" }} onClick={() => setAsks(true)}>
            {t("fleet.waves.begin")}
          </Button>
        )}
      </Stack>
      {asks && <WaveDialog groups={groups} close={() => setAsks(false)} learn={learn} />}
    </Paper>
  );
}

function WaveRow({ wave, runs, learn }: { wave: Wave; runs: boolean; learn: (waves: Wave[]) => void }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const done = wave.boxes.filter(({ state }) => state === "done").length;
  const { name, version, state } = wave;
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <Title order={3} size="h5">
          {t("fleet.waves.head", { name, version })}
        </Title>
        <StateBadge look={STATES[state]} word={t(`fleet.waves.state.${state}`)} />
        <Text size="xs" c="dimmed">
          <Ago at={wave.made_at} />
        </Text>
      </Group>
      {state === "halted" && (
        <Alert color="red" icon={<IconAlertTriangle size={20} aria-hidden />}>
          {t("fleet.waves.halted_text")}
        </Alert>
      )}
      <Text size="sm">
        {t("fleet.waves.done_of", { done: format.number(done), all: format.number(wave.boxes.length) })}
      </Text>
      <Picture wave={wave} />
      {wave.boxes.map(
        (box) =>
          box.why !== null && (
            <Text key={box.id} size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {t("fleet.waves.why", { name: box.name, why: box.why })}
            </Text>
          ),
      )}
      {runs && <Acts wave={wave} learn={learn} />}
    </Stack>
  );
}

/** Boxes by what they are at: a square each, and the words beside. */
function Picture({ wave }: { wave: Wave }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const states = (Object.keys(BOXES) as BoxState[]).map((state) => ({
    state,
    boxes: wave.boxes.filter((box) => box.state === state),
  }));
  return (
    <Stack gap={4} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {states
        .filter(({ boxes }) => boxes.length > 0)
        .map(({ state, boxes }) => (
          <Group key={state} component="li" gap="xs" wrap="nowrap" align="flex-start">
            <Text size="sm" w={130} style={{ flex: "none" }}>
              {t(`fleet.waves.box.${state}`)} · {format.number(boxes.length)}
            </Text>
            <Group gap={4} aria-hidden mt={4}>
              {boxes.map(({ id }) => (
                <Paper key={id} w={14} h={14} radius={3} bg={BOXES[state]} />
              ))}
            </Group>
            <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {boxes.map(({ name }) => isolated(name)).join(", ")}
            </Text>
          </Group>
        ))}
    </Stack>
  );
}

function Acts({ wave, learn }: { wave: Wave; learn: (waves: Wave[]) => void }) {
  const { t } = useTranslation("panel");
  const work = useMutation({ mutationFn: (act: WaveAct) => api.changeWave(wave.id, act), onSuccess: learn });
  const { name, state } = wave;
  if (state === "done" || state === "stopped") return null;
  const acts: WaveAct[] = state === "running" ? ["pause", "stop"] : ["resume", "stop"];
  return (
    <>
      {work.error && <Failure error={work.error} />}
      <Group gap="sm">
        {acts.map((act) => (
          <Button
            key={act}
            variant="default"
            size="xs"
            loading={work.isPending}
            aria-label={t(`fleet.waves.${act}_named`, { name })}
            onClick={() => work.mutate(act)}
          >
            {t(`fleet.waves.${act}_do`)}
          </Button>
        ))}
      </Group>
    </>
  );
}
