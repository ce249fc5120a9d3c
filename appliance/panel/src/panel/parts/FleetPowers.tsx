// At a box of a fleet: what its owner lets the hub do, and what the fleet wants of its settings.
import { Paper, Stack, Switch, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import type { TwinEntry, TwinView } from "../../api/schema";
import { Failure } from "./Failure";
import { Sides } from "./Sides";
import { useSettingWords } from "./settingWords";
import { STANDINGS } from "./standings";
import { StateBadge } from "./StateBadge";
import { useTwin } from "./useTwin";

export const POWERS = ["settings", "updates", "jobs", "recordings"] as const;

export function FleetPowers() {
  const { query } = useTwin();
  if (!query.data) return query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : null;
  return (
    <>
      <Powers view={query.data} />
      <Wanted view={query.data} />
    </>
  );
}

function Powers({ view }: { view: TwinView }) {
  const { t } = useTranslation("panel");
  const { learn, decides } = useTwin();
  const change = useMutation({ mutationFn: api.refuseHub, onSuccess: learn });
  return (
    <Paper className="surface" p="md" component="section">
      <Stack gap="md">
        <Stack gap={4}>
          <Title order={2} size="h4">
            {t("fleet.twin.powers")}
          </Title>
          <Text size="sm" c="dimmed">
            {t("fleet.twin.powers_text")}
          </Text>
        </Stack>
        {POWERS.map((power) => (
          <Switch
            key={power}
            label={t(`fleet.twin.power.${power}`)}
            description={
              view.refused[power] > 0
                ? t("fleet.twin.refused", { count: view.refused[power], shown: view.refused[power] })
                : undefined
            }
            checked={!view.refuses[power]}
            disabled={!decides || change.isPending}
            onChange={(event) => change.mutate({ [power]: !event.currentTarget.checked })}
          />
        ))}
        {change.error && <Failure error={change.error} />}
      </Stack>
    </Paper>
  );
}

function Wanted({ view }: { view: TwinView }) {
  const { t } = useTranslation("panel");
  const { decide, decides } = useTwin();
  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4" mb="sm">
        {t("fleet.twin.title")}
      </Title>
      <Stack gap="sm">
        {view.entries.length === 0 && <Text c="dimmed">{t(view.refuses.settings ? "fleet.twin.off" : "fleet.twin.none")}</Text>}
        {view.entries.map((entry) =>
          entry.standing === "differs" || entry.standing === "kept" ? (
            <Sides
              key={entry.setting}
              entry={entry}
              decides={decides}
              decide={(choice) => decide(entry.setting, choice)}
            />
          ) : (
            <Line key={entry.setting} entry={entry} />
          ),
        )}
      </Stack>
    </Paper>
  );
}

function Line({ entry }: { entry: TwinEntry }) {
  const { t } = useTranslation("panel");
  const words = useSettingWords();
  const { setting, standing, wanted, why } = entry;
  return (
    <Stack gap={2} align="flex-start">
      <Text style={{ overflowWrap: "anywhere" }}>
        {words.name(setting)}: {words.value(setting, JSON.stringify(wanted))}
      </Text>
      <StateBadge look={STANDINGS[standing]} word={t(`fleet.twin.standing.${standing}`)} />
      {why !== null && (
        <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {why}
        </Text>
      )}
    </Stack>
  );
}
