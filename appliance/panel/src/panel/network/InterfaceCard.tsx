// One interface: what it is, how it is connected, and what it is set to.
import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import {
  IconCircleCheck,
  IconNetwork,
  IconPlugConnectedX,
  IconQuestionMark,
  IconSitemap,
  IconWifi,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { NetworkLink } from "../../api/schema";
import { StateBadge } from "../parts/StateBadge";
import { useFormat } from "../wording";
import { Strength } from "./Strength";
import { isReachable } from "./draft";

const PICTURES = { wired: IconNetwork, wifi: IconWifi, vlan: IconSitemap, other: IconQuestionMark };

interface InterfaceCardProps {
  link: NetworkLink;
  /** What can be done with it; without, it is only shown. */
  change?: () => void;
  remove?: () => void;
  /** Of Wi-Fi. */
  choose?: () => void;
  forget?: () => void;
}

export function InterfaceCard({ link, change, remove, choose, forget }: InterfaceCardProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const Picture = PICTURES[link.kind];
  const look = !link.carrier
    ? { icon: IconPlugConnectedX, color: "gray", word: t(link.kind === "wifi" ? "wifi.not_joined" : "network.no_carrier") }
    : !link.addresses.some(isReachable)
      ? { icon: IconQuestionMark, color: "orange", word: t("network.no_address") }
      : { icon: IconCircleCheck, color: "teal", word: t("network.connected") };
  const kind = link.vlan ? t("network.vlan_of", link.vlan) : t(`network.kind.${link.kind}`);
  const { settings } = link;
  const all = (values: string[]) => (values.length > 0 ? values.join("\n") : t("network.nothing"));
  const facts: [string, string][] = [
    [t("network.addresses"), all(link.addresses)],
    ...(settings
      ? ([
          [t("network.ipv4"), t(`network.way4.${settings.ipv4.way}`)],
          [t("network.ipv6"), t(`network.way6.${settings.ipv6.way}`)],
        ] as [string, string][])
      : []),
    ...(link.gateways.length > 0 ? [[t("network.gateway"), all(link.gateways)] as [string, string]] : []),
    ...(link.dns.length > 0 ? [[t("network.dns"), all(link.dns)] as [string, string]] : []),
    ...(link.search.length > 0 ? [[t("network.search"), all(link.search)] as [string, string]] : []),
    ...(link.mac ? [[t("network.mac"), link.mac] as [string, string]] : []),
  ];
  return (
    <Paper className="surface" p={{ base: "md", sm: "lg" }} component="section" aria-label={link.name}>
      <Stack gap="md">
        <Group justify="space-between" gap="sm">
          <Group gap="sm" wrap="nowrap">
            <Picture size={26} stroke={1.6} aria-hidden />
            <Stack gap={0}>
              <Title order={2} size="h4">
                {link.name}
              </Title>
              <Text size="sm" c="dimmed">
                {kind}
                {link.speed_mbps !== null &&
                  ` · ${t("network.speed", { value: format.number(link.speed_mbps) })}`}
              </Text>
            </Stack>
          </Group>
          <StateBadge look={look} word={look.word} />
        </Group>
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd style={{ whiteSpace: "pre-line", overflowWrap: "anywhere" }}>{value}</dd>
            </div>
          ))}
        </dl>
        {link.wifi && (
          <Group gap="xs" wrap="nowrap">
            <Strength of={link.wifi.strength ?? 0} />
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {t(link.wifi.band ? "wifi.card_band" : "wifi.card", {
                ssid: link.wifi.ssid,
                percent: link.wifi.strength ?? 0,
                band: link.wifi.band ? format.number(Number(link.wifi.band), 1) : "",
              })}
            </Text>
          </Group>
        )}
        {link.kind === "wifi" && (
          <Text size="sm" c="dimmed">
            {t("wifi.worse")}
          </Text>
        )}
        {(change ?? remove ?? choose ?? forget) && (
          <Group gap="sm">
            {choose && (
              <Button variant="default" onClick={choose} aria-label={t("wifi.choose_of", { name: link.name })}>
                {t("wifi.choose")}
              </Button>
            )}
            {change && (
              <Button variant="default" onClick={change} aria-label={t("network.change_of", { name: link.name })}>
                {t("network.change")}
              </Button>
            )}
            {remove && (
              <Button variant="subtle" color="red" onClick={remove} aria-label={`${t("network.remove")}: ${link.name}`}>
                {t("network.remove")}
              </Button>
            )}
            {forget && (
              <Button variant="subtle" color="red" onClick={forget} aria-label={t("wifi.forget_of", { name: link.name })}>
                {t("wifi.forget")}
              </Button>
            )}
          </Group>
        )}
      </Stack>
    </Paper>
  );
}
