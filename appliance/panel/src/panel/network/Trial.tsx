// A change of the network that is tried: how long it still holds, where the box is now, keep or go back.
import { Anchor, Button, Group, Modal, Paper, Progress, Stack, Text } from "@mantine/core";
import { IconNetwork } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { network, networkKeys } from "../../api/network";
import type { NetworkTrial } from "../../api/schema";
import { useNow } from "../now";
import { Failure } from "../parts/Failure";
import { isReachable, pageAt } from "./draft";

const WHILE_TRIED_MS = 1_000;
/** Somebody else may have begun one. */
const OTHERWISE_MS = 15_000;
/** An address that has gone answers nothing at all, for long: nobody waits for that. */
const SILENT_S = 5;

/** What is tried now. What was heard last stays when the box cannot be reached. */
export function useTrial() {
  return useQuery({
    queryKey: networkKeys.trial,
    queryFn: network.trial,
    refetchInterval: ({ state }) => (state.data?.trial ? WHILE_TRIED_MS : OTHERWISE_MS),
    retry: false,
  });
}

/** At the top of every page, for those who may decide. */
export function TrialNotice() {
  const { t } = useTranslation("panel");
  const trial = useTrial();
  if (!trial.data?.trial) return null;
  const name = trial.data.trial.interface;
  return (
    <Paper className="surface page" mb="md" p="md" component="section" aria-label={t("network.trial.title")}>
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <IconNetwork size={22} aria-hidden style={{ flex: "none" }} />
        <Stack gap="sm" style={{ minWidth: 0, flex: 1 }}>
          <Text fw={600}>{name ? t("network.trial.title_of", { name }) : t("network.trial.title")}</Text>
          <TrialBody trial={trial.data.trial} />
        </Stack>
      </Group>
    </Paper>
  );
}

/** Right after a change, on the page that made it. */
export function TrialDialog({ opened, close }: { opened: boolean; close: () => void }) {
  const { t } = useTranslation("panel");
  const trial = useTrial().data?.trial;
  return (
    <Modal
      opened={opened && trial !== null && trial !== undefined}
      onClose={close}
      title={trial?.interface ? t("network.trial.title_of", { name: trial.interface }) : t("network.trial.title")}
      closeButtonProps={{ "aria-label": t("network.trial.hide") }}
    >
      {trial && <TrialBody trial={trial} />}
    </Modal>
  );
}

function TrialBody({ trial }: { trial: NetworkTrial }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const now = useNow();
  const { dataUpdatedAt, isError } = useTrial();
  const since = Math.max(0, Math.floor((now - dataUpdatedAt) / 1000));
  const seconds = Math.max(0, trial.left_s - since);
  const settled = async () => {
    cache.setQueryData(networkKeys.trial, { trial: null });
    await cache.invalidateQueries({ queryKey: networkKeys.view });
  };
  const keep = useMutation({ mutationFn: () => network.keep(trial.id), onSuccess: settled });
  const back = useMutation({ mutationFn: network.goBack, onSuccess: settled });
  const here = window.location;
  const elsewhere = trial.addresses
    .filter(isReachable)
    .map((address) => pageAt(address, here))
    .filter((page) => new URL(page).host !== here.host);
  const lost = isError || since >= SILENT_S;
  const over = lost && seconds === 0;
  return (
    <Stack gap="sm">
      <Text size="sm" role="status">
        {over
          ? t("network.trial.over")
          : lost
            ? t("network.trial.lost", { seconds })
            : `${t(trial.in_force ? "network.trial.in_force" : "network.trial.waiting")} ${t("network.trial.left", { seconds })}`}
      </Text>
      {!over && <Progress value={Math.min(100, (seconds / 60) * 100)} aria-label={t("network.trial.left", { seconds })} />}
      {!over && elsewhere.length > 0 && (
        <>
          <Text size="sm">{t("network.trial.open")}</Text>
          {elsewhere.map((page) => (
            <Anchor key={page} href={page} size="sm" style={{ overflowWrap: "anywhere" }}>
              {page}
            </Anchor>
          ))}
        </>
      )}
      {(keep.error ?? back.error) && <Failure error={keep.error ?? back.error} />}
      <Group gap="sm">
        {over ? (
          <Button onClick={() => here.reload()}>{t("network.trial.reload")}</Button>
        ) : (
          <>
            <Button
              loading={keep.isPending}
              disabled={!trial.in_force || lost}
              onClick={() => keep.mutate()}
            >
              {t("network.trial.keep")}
            </Button>
            <Button variant="default" loading={back.isPending} disabled={lost} onClick={() => back.mutate()}>
              {t("network.trial.back")}
            </Button>
          </>
        )}
      </Group>
    </Stack>
  );
}
