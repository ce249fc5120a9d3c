// The network and the clock: interfaces, changes that go back by themselves, and who sets the time.
import { Alert, Button, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconInfoCircle, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { network, networkKeys } from "../../api/network";
import type { NetworkLink, NetworkView } from "../../api/schema";
import { InterfaceCard } from "../network/InterfaceCard";
import { InterfaceDialog } from "../network/InterfaceDialog";
import { Proxy } from "../network/Proxy";
import { Time } from "../network/Time";
import { TrialDialog, useTrial } from "../network/Trial";
import { WifiDialog } from "../network/Wifi";
import { Confirm } from "../parts/Confirm";
import { Detail } from "../parts/Detail";
import { Heading } from "../parts/Heading";
import { useMay } from "../session";

/** Cables are plugged in and out. */
const LOOK_MS = 5_000;

export function NetworkPage() {
  const view = useQuery({ queryKey: networkKeys.view, queryFn: network.view, refetchInterval: LOOK_MS });
  return (
    <Detail of="settings" query={view} height={480}>
      {(found) => <Interfaces view={found} />}
    </Detail>
  );
}

function Interfaces({ view }: { view: NetworkView }) {
  const { t } = useTranslation("panel");
  const may = useMay();
  const cache = useQueryClient();
  const [changed, setChanged] = useState<NetworkLink | null | undefined>(undefined);
  const [removed, setRemoved] = useState<NetworkLink | null>(null);
  const [radio, setRadio] = useState<string | null>(null);
  const [forgotten, setForgotten] = useState<string | null>(null);
  const [told, setTold] = useState(false);
  const trial = useTrial().data?.trial ?? null;
  // One change at a time.
  const free = view.managed && may("run_network") && trial === null;
  const tried = () => {
    setChanged(undefined);
    setRadio(null);
    setTold(true);
  };
  const past = view.past && !trial ? t(`network.past.${view.past.outcome}`, { name: view.past.interface, why: view.past.why }) : null;
  return (
    <>
      <Heading title={t("network.title")} lead={t("network.lead")}>
        {free && (
          <Button leftSection={<IconPlus size={18} aria-hidden />} variant="default" onClick={() => setChanged(null)}>
            {t("network.add_vlan")}
          </Button>
        )}
      </Heading>
      <Stack gap="md" maw={960}>
        {!view.managed && (
          <Alert icon={<IconInfoCircle size={20} aria-hidden />} title={t("network.unmanaged")}>
            <Text size="sm">{t("network.unmanaged_text")}</Text>
          </Alert>
        )}
        {past && (
          <Alert
            icon={<IconInfoCircle size={20} aria-hidden />}
            color={view.past?.outcome === "failed" || view.past?.outcome === "timed_out" ? "orange" : "gray"}
          >
            <Text size="sm">{past}</Text>
          </Alert>
        )}
        <Text size="sm" c="dimmed">
          {t("network.hostname", { name: view.hostname })}
        </Text>
        {view.interfaces.length === 0 && <Text>{t("network.none")}</Text>}
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          {view.interfaces.map((link) => (
            <InterfaceCard
              key={link.name}
              link={link}
              {...(free && link.changeable && (link.kind !== "wifi" || link.settings) && { change: () => setChanged(link) })}
              {...(free && link.changeable && link.kind === "wifi" && { choose: () => setRadio(link.name) })}
              {...(free && link.changeable && link.kind === "wifi" && link.settings && { forget: () => setForgotten(link.name) })}
              {...(free && link.changeable && link.kind === "vlan" && { remove: () => setRemoved(link) })}
            />
          ))}
        </SimpleGrid>
        <Proxy />
        <Time />
      </Stack>
      {changed !== undefined && (
        <InterfaceDialog view={view} link={changed} close={() => setChanged(undefined)} tried={tried} />
      )}
      {radio !== null && <WifiDialog view={view} name={radio} close={() => setRadio(null)} tried={tried} />}
      <Confirm
        opened={forgotten !== null}
        close={() => setForgotten(null)}
        title={t("wifi.forget_title", { name: forgotten ?? "" })}
        text={t("wifi.forget_text")}
        action={t("wifi.forget")}
        run={async () => {
          const begun = await network.forget(forgotten ?? "");
          cache.setQueryData(networkKeys.trial, { trial: begun });
        }}
        done={tried}
      />
      <Confirm
        opened={removed !== null}
        close={() => setRemoved(null)}
        title={t("network.remove_title", { name: removed?.name ?? "" })}
        text={t("network.remove_text")}
        action={t("network.remove")}
        run={async () => {
          const begun = await network.removeVlan(removed?.name ?? "");
          cache.setQueryData(networkKeys.trial, { trial: begun });
        }}
        done={tried}
      />
      <TrialDialog opened={told} close={() => setTold(false)} />
    </>
  );
}
