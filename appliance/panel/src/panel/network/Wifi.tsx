// Joins a Wi-Fi network: which there are, how strong, and how each is protected. Tried like every change of the network.
import {
  Alert, Button, Group, Modal, PasswordInput, Select, Skeleton, Stack, Text, TextInput, UnstyledButton,
} from "@mantine/core";
import { IconAlertTriangle, IconLock, IconLockOpen, IconPlus, IconRefresh, IconWifiOff } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Refusal } from "../../api/client";
import { network, networkKeys } from "../../api/network";
import type { NetworkView, WifiJoin, WifiNetwork } from "../../api/schema";
import { EmptyState } from "../parts/EmptyState";
import { Failure } from "../parts/Failure";
import { useFormat } from "../wording";
import { Strength } from "./Strength";
import { keyOf } from "./wifi";

/** Who is nearest changes while somebody carries the box. */
const LOOK_MS = 10_000;
const KEYS = ["wpa2", "wpa3", "owe", "open"] as const;

interface WifiDialogProps {
  view: NetworkView;
  /** The interface. */
  name: string;
  close: () => void;
  tried: () => void;
}

export function WifiDialog({ view, name, close, tried }: WifiDialogProps) {
  const { t } = useTranslation("panel");
  const { t: shared } = useTranslation("shared");
  const cache = useQueryClient();
  const key = networkKeys.wifi(name);
  const heard = useQuery({ queryKey: key, queryFn: () => network.wifi(name), refetchInterval: LOOK_MS });
  const scan = useMutation({
    mutationFn: () => network.scan(name),
    onSuccess: (found) => cache.setQueryData(key, found),
  });
  const [chosen, setChosen] = useState<WifiJoin | null>(null);
  const networks = heard.data?.networks ?? [];
  const choose = (one: WifiNetwork) =>
    setChosen({ ssid: one.ssid, hidden: false, key: keyOf(one.security) ?? "open", passphrase: "" });
  return (
    <Modal
      opened
      onClose={close}
      size="lg"
      title={t("wifi.title", { name })}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <Stack>
        <Text size="sm" c="dimmed">
          {t("wifi.worse")}
        </Text>
        {heard.error && <Failure error={heard.error} retry={() => void heard.refetch()} />}
        {scan.error && <Failure error={scan.error} />}
        {heard.isPending && <Skeleton height={200} radius="lg" />}
        {chosen ? (
          <Join view={view} name={name} wanted={chosen} change={setChosen} tried={tried} />
        ) : (
          <>
            {heard.data && networks.length === 0 && <EmptyState icon={IconWifiOff} title={t("wifi.none")} text={t("wifi.none_text")} />}
            <Stack gap={4} component="ul" style={{ listStyle: "none", margin: 0, padding: 0 }}>
              {networks.map((one) => (
                <li key={`${one.ssid} ${one.security}`}>
                  <NetworkRow network={one} {...(one.joinable && { choose: () => choose(one) })} />
                </li>
              ))}
            </Stack>
            <Group gap="sm">
              <Button
                variant="default"
                loading={scan.isPending}
                leftSection={<IconRefresh size={18} aria-hidden />}
                onClick={() => scan.mutate()}
              >
                {t("wifi.scan")}
              </Button>
              <Button
                variant="subtle"
                leftSection={<IconPlus size={18} aria-hidden />}
                onClick={() => setChosen({ ssid: "", hidden: true, key: "wpa2", passphrase: "" })}
              >
                {t("wifi.hidden")}
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </Modal>
  );
}

function NetworkRow({ network: one, choose }: { network: WifiNetwork; choose?: () => void }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const Lock = one.security === "open" || one.security === "owe" ? IconLockOpen : IconLock;
  const bands = one.bands.map((band) => t("wifi.ghz", { band: format.number(Number(band), 1) })).join(", ");
  return (
    <UnstyledButton
      className="surface"
      p="sm"
      w="100%"
      disabled={!choose}
      style={{ borderRadius: 10, opacity: choose ? 1 : 0.65, cursor: choose ? "pointer" : "default" }}
      onClick={choose}
    >
      <Group gap="sm" wrap="nowrap">
        <Strength of={one.strength} />
        <Stack gap={0} style={{ minWidth: 0, flex: 1 }}>
          <Text fw={one.connected ? 600 : 500} style={{ overflowWrap: "anywhere" }}>
            {one.ssid}
            {one.connected && ` · ${t("wifi.connected")}`}
          </Text>
          <Text size="sm" c="dimmed">
            {t(`wifi.security.${one.security}`)} · {bands}
          </Text>
        </Stack>
        <Lock size={18} aria-hidden style={{ flex: "none" }} />
      </Group>
    </UnstyledButton>
  );
}

interface JoinProps {
  view: NetworkView;
  name: string;
  wanted: WifiJoin;
  /** `null`: another network is chosen. */
  change: (wanted: WifiJoin | null) => void;
  tried: () => void;
}

function Join({ view, name, wanted, change, tried }: JoinProps) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const work = useMutation({
    mutationFn: () => network.join(name, wanted),
    onSuccess(trial) {
      cache.setQueryData(networkKeys.trial, { trial });
      tried();
    },
  });
  const field = work.error instanceof Refusal ? work.error.problem.field : undefined;
  const { people, recordings } = view.disturbed;
  const secret = wanted.key === "wpa2" || wanted.key === "wpa3";
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        work.mutate();
      }}
    >
      <Stack>
        {wanted.hidden ? (
          <>
            <TextInput
              label={t("wifi.ssid")}
              description={t("wifi.ssid_text")}
              autoComplete="off"
              value={wanted.ssid}
              error={field === "ssid" ? t("wifi.wrong_ssid") : undefined}
              onChange={(event) => change({ ...wanted, ssid: event.currentTarget.value })}
            />
            <Select
              label={t("wifi.key")}
              data={KEYS.map((value) => ({ value, label: t(`wifi.key_of.${value}`) }))}
              allowDeselect={false}
              value={wanted.key}
              onChange={(value) => change({ ...wanted, key: value ?? wanted.key, passphrase: "" })}
            />
            <Text size="sm" c="dimmed">
              {t("wifi.is_hidden_text")}
            </Text>
          </>
        ) : (
          <Text fw={600} style={{ overflowWrap: "anywhere" }}>
            {wanted.ssid}
          </Text>
        )}
        {secret ? (
          <PasswordInput
            label={t("wifi.passphrase")}
            description={t("wifi.passphrase_text")}
            autoComplete="off"
            // The row that was pressed has gone, and the focus with it.
            autoFocus
            visibilityToggleButtonProps={{ "aria-label": t("wifi.passphrase_show") }}
            value={wanted.passphrase ?? ""}
            error={field === "passphrase" ? t(`wifi.wrong_passphrase.${wanted.key}`) : undefined}
            onChange={(event) => change({ ...wanted, passphrase: event.currentTarget.value })}
          />
        ) : (
          <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
            <Text size="sm">{t(wanted.key === "open" ? "wifi.open" : "wifi.owe")}</Text>
          </Alert>
        )}
        {people + recordings > 0 && (
          <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
            <Text size="sm">{t("network.disturbs", { people, recordings })}</Text>
          </Alert>
        )}
        <Text size="sm" c="dimmed">
          {t("wifi.how")}
        </Text>
        {work.error && field !== "ssid" && field !== "passphrase" && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => change(null)}>
            {t("wifi.other")}
          </Button>
          <Button type="submit" loading={work.isPending}>
            {t("wifi.join")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
