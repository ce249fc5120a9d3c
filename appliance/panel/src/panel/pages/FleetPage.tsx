// The box in a fleet: alone, a member, or the hub with its boxes.
import { Alert, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconClockExclamation,
  IconCloudOff,
  IconLoader,
  IconPlayerStop,
  IconTopologyStar3,
} from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { FleetView, LinkState } from "../../api/schema";
import { Confirm } from "../parts/Confirm";
import { Detail } from "../parts/Detail";
import { EmptyState } from "../parts/EmptyState";
import { FleetBoxes } from "../parts/FleetBoxes";
import { FleetLibrary } from "../parts/FleetLibrary";
import { FleetPowers } from "../parts/FleetPowers";
import { FleetWaves } from "../parts/FleetWaves";
import { FleetWishes } from "../parts/FleetWishes";
import { Heading } from "../parts/Heading";
import { NameDialog } from "../parts/NameDialog";
import { StateBadge, type StateLook } from "../parts/StateBadge";
import { useMay } from "../session";
import { useFormat } from "../wording";

/** Heartbeats come every ten seconds; a link changes sooner. */
const LOOK_AGAIN_MS = 3_000;

/** The longest code that a box reads. */
const LONGEST_CODE = 4_096;

/** Eight addresses of the longest names. */
const LONGEST_ADDRESSES = 2_100;

const LINKS: Record<LinkState, StateLook> = {
  off: { icon: IconPlayerStop, color: "gray" },
  starting: { icon: IconLoader, color: "gray" },
  cut: { icon: IconCloudOff, color: "yellow" },
  up: { icon: IconCircleCheck, color: "green" },
  failed: { icon: IconAlertTriangle, color: "red" },
};

export function FleetPage() {
  const { t } = useTranslation("panel");
  const query = useQuery({ queryKey: keys.fleet, queryFn: api.fleet, refetchInterval: LOOK_AGAIN_MS });
  return (
    <Detail of="settings" query={query} height={320}>
      {(view) => (
        <>
          <Heading title={t("nav.fleet")} lead={t("fleet.lead")} />
          <Stack gap="md" maw={760}>
            {view.role === null ? <Alone view={view} /> : <Link view={view} />}
            {view.role === "hub" && <FleetBoxes view={view} />}
            {view.role === "hub" && <FleetWishes />}
            {view.role === "hub" && <FleetWaves />}
            {view.role === "hub" && <FleetLibrary />}
            {view.role === "member" && <FleetPowers />}
          </Stack>
        </>
      )}
    </Detail>
  );
}

function useRefresh() {
  const cache = useQueryClient();
  return () => cache.invalidateQueries({ queryKey: keys.fleet });
}

function Alone({ view }: { view: FleetView }) {
  const { t } = useTranslation("panel");
  const refresh = useRefresh();
  const runs = useMay()("run_fleet");
  const [asks, setAsks] = useState<"join" | "found" | null>(null);
  const close = () => setAsks(null);
  return (
    <EmptyState
      icon={IconTopologyStar3}
      title={t("fleet.none_title")}
      text={view.possible ? t("fleet.none_text") : t("fleet.no_server")}
    >
      {view.possible && runs && (
        <Group gap="sm" justify="center">
          <Button onClick={() => setAsks("join")}>{t("fleet.join")}</Button>
          <Button variant="default" onClick={() => setAsks("found")}>
            {t("fleet.found")}
          </Button>
        </Group>
      )}
      <NameDialog
        opened={asks === "join"}
        close={close}
        title={t("fleet.join_title")}
        label={t("fleet.code")}
        description={t("fleet.code_text")}
        longest={LONGEST_CODE}
        action={t("fleet.join")}
        run={async (code) => {
          await api.joinFleet(code);
          await refresh();
        }}
      />
      <Confirm
        opened={asks === "found"}
        close={close}
        title={t("fleet.found_title")}
        text={t("fleet.found_text")}
        action={t("fleet.found")}
        run={api.foundFleet}
        done={() => void refresh()}
      />
    </EmptyState>
  );
}

function Link({ view }: { view: FleetView }) {
  const { t } = useTranslation("panel");
  const runs = useMay()("run_fleet");
  const refresh = useRefresh();
  const format = useFormat();
  const [leaving, setLeaving] = useState(false);
  const [moving, setMoving] = useState(false);
  const { link, hub, waiting } = view;
  const member = view.role === "member";
  const gap = link.clock ?? view.heard.clock;
  const own = member ? "leave" : "give_up";
  return (
    <Paper className="surface" p="md" component="section">
      <Group gap="sm" mb="sm">
        <Title order={2} size="h4">
          {member ? t("fleet.role.member", { name: hub?.name }) : t("fleet.role.hub")}
        </Title>
        <StateBadge look={LINKS[link.state]} word={t(`fleet.link.${link.state}`)} />
      </Group>
      <Stack gap="sm" align="flex-start">
        {link.cloned && (
          <Alert
            color="red"
            role="alert"
            icon={<IconAlertTriangle size={20} aria-hidden />}
            title={t("fleet.cloned_title")}
          >
            {t("fleet.cloned_text")}
          </Alert>
        )}
        {gap && (
          <Alert color="yellow" role="alert" icon={<IconClockExclamation size={20} aria-hidden />} title={t("fleet.clock_title")}>
            {t(`fleet.clock.${member ? "member" : "hub"}_${gap.ahead_ms < 0 ? "behind" : "ahead"}`, {
              time: format.span(Math.abs(gap.ahead_ms) / 1000),
              differ: gap.differ,
              of: gap.of,
            })}{" "}
            {member && t(gap.of === 1 ? "fleet.clock.either_is_odd" : gap.hub_is_odd ? "fleet.clock.hub_is_odd" : "fleet.clock.box_is_odd")} {t("fleet.clock.remedy")}
          </Alert>
        )}
        {link.cut && (
          <Alert color="yellow" icon={<IconCloudOff size={20} aria-hidden />} title={t(`fleet.cut.${link.cut}`)}>
            {t(`fleet.cut_do.${link.cut}`)}
          </Alert>
        )}
        {link.error && !link.cut && (
          <Alert color="red" role="alert" icon={<IconAlertTriangle size={20} aria-hidden />}>
            {link.error}
          </Alert>
        )}
        {member && link.state === "cut" && link.cut !== "put_out" && <Text>{t("fleet.cut_text")}</Text>}
        {member && (
          <Text>
            {waiting === 0
              ? t("fleet.waiting_none")
              : t("fleet.waiting", { count: waiting, shown: waiting })}
          </Text>
        )}
        {hub && (
          <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {t(member ? "fleet.hub_at" : "fleet.found_at", { addresses: hub.addresses.join(", ") })}
            {link.address !== null && hub.addresses.length > 1 && (
              <> {t("fleet.address_used", { address: link.address })}</>
            )}
          </Text>
        )}
        {link.restarts > 0 && (
          <Text size="sm" c="dimmed">
            {t("fleet.restarts", {
              count: link.restarts,
              shown: link.restarts,
              why: link.restarted_because,
            })}
          </Text>
        )}
        {runs && (
          <Group gap="sm">
            <Button variant="default" onClick={() => setMoving(true)}>
              {t("fleet.relocate")}
            </Button>
            <Button variant="default" onClick={() => setLeaving(true)}>
              {t(`fleet.${own}`)}
            </Button>
          </Group>
        )}
      </Stack>
      <NameDialog
        opened={moving}
        close={() => setMoving(false)}
        title={t("fleet.relocate")}
        label={t(member ? "fleet.hub_addresses" : "fleet.addresses")}
        description={t(member ? "fleet.hub_addresses_text" : "fleet.addresses_text")}
        initial={hub?.addresses.join(" ")}
        longest={LONGEST_ADDRESSES}
        action={t("fleet.relocate_do")}
        run={async (text) => {
          const change = member ? api.lookForHub : api.relocateHub;
          await change(text.split(/[\s,]+/));
          await refresh();
        }}
      />
      <Confirm
        opened={leaving}
        close={() => setLeaving(false)}
        title={t(`fleet.${own}_title`)}
        text={t(`fleet.${own}_text`)}
        action={t(`fleet.${own}`)}
        run={api.leaveFleet}
        done={() => void refresh()}
      />
    </Paper>
  );
}
