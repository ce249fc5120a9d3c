// What browsers see: the lock, for which names, how long.
import { Alert, Button, Code, Group, Progress, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconAlertTriangle,
  IconLock,
  IconLockExclamation,
  IconLockQuestion,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { CertificateFacts, CertificatesView } from "../../api/schema";
import { share } from "../../format";
import { useNow } from "../now";
import { Confirm } from "../parts/Confirm";
import { StateBadge } from "../parts/StateBadge";
import { useMay } from "../session";
import { Card } from "../settings/Card";
import { useFormat } from "../wording";

const LOOKS = {
  own: { icon: IconLockQuestion, color: "gray" },
  good: { icon: IconLock, color: "teal" },
  self_signed: { icon: IconLockQuestion, color: "gray" },
  ending: { icon: IconLockExclamation, color: "orange" },
  ended: { icon: IconLockExclamation, color: "red" },
} as const;

export function Shown({ view }: { view: CertificatesView }) {
  const { t } = useTranslation("panel");
  const { served, own } = view;
  const stands = !served
    ? "own"
    : served.self_signed && served.state === "good"
      ? "self_signed"
      : served.state;
  const facts = served?.facts ?? own;
  return (
    <Card title={t(`certificates.source.${served?.source ?? "own"}`)}>
      <Group gap="xs" role="status">
        <StateBadge look={LOOKS[stands]} word={t(`certificates.state.${stands}`)} />
      </Group>
      {stands === "own" && <Text size="sm">{t("certificates.own_text")}</Text>}
      {(stands === "ending" || stands === "ended") && (
        <Alert
          color={LOOKS[stands].color}
          p="sm"
          icon={<IconAlertTriangle size={18} aria-hidden />}
        >
          {t(`certificates.${stands}_text`)}
        </Alert>
      )}
      {facts && <Facts facts={facts} uncovered={served?.uncovered ?? []} />}
      {served && <Revert view={view} />}
    </Card>
  );
}

interface FactsProps {
  facts: CertificateFacts;
  uncovered: string[];
}

export function Facts({ facts, uncovered }: FactsProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const now = useNow();
  const [from, to] = [Date.parse(facts.not_before), Date.parse(facts.not_after)];
  const left = Math.max(0, (to - now) / 1000);
  const between = facts.chain.length > 1 ? facts.chain.slice(1) : [];
  return (
    <Stack gap="sm">
      <Stack gap={4}>
        <Group justify="space-between" gap="xs">
          <Text size="sm">
            {t("certificates.until")} {format.dateTime(facts.not_after)}
          </Text>
          <Text size="sm" fw={600}>
            {left > 0 ? t("certificates.left", { span: format.span(left) }) : t("certificates.over")}
          </Text>
        </Group>
        <Progress
          value={share(Math.max(0, to - now), to - from)}
          color={left > 14 * 86_400 ? "teal" : "orange"}
          aria-label={t("certificates.bar")}
        />
      </Stack>
      <dl className="facts">
        <div>
          <dt>{t("certificates.names")}</dt>
          <dd>
            {facts.names.map((name) => (
              <Code key={name}>{name}</Code>
            ))}
          </dd>
        </div>
        <div>
          <dt>{t("certificates.issuer")}</dt>
          <dd>
            {facts.issuer}
            {between.length > 0 && ` ${t("certificates.between")} ${between.join(", ")}`}
          </dd>
        </div>
        <div>
          <dt>{t("certificates.key")}</dt>
          <dd>{facts.key}</dd>
        </div>
        <div>
          <dt>{t("certificates.fingerprint")}</dt>
          <dd>
            <Code>{facts.fingerprint}</Code>
          </dd>
        </div>
      </dl>
      {uncovered.length > 0 && (
        <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {t("certificates.uncovered", { names: uncovered.join(", ") })}
        </Text>
      )}
    </Stack>
  );
}

function Revert({ view }: { view: CertificatesView }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const may = useMay();
  const [opened, dialog] = useDisclosure(false);
  if (!may("run_certificates")) return null;
  const { served } = view;
  const pinned = served && !served.self_signed && served.state !== "ended";
  const text = [
    t("certificates.revert_text"),
    ...(pinned ? [t("certificates.revert_pinned", { names: served.facts.names.join(", ") })] : []),
  ];
  return (
    <>
      <Button variant="default" onClick={dialog.open} style={{ alignSelf: "flex-start" }}>
        {t("certificates.revert")}
      </Button>
      <Confirm
        opened={opened}
        close={dialog.close}
        title={t("certificates.revert_title")}
        text={text.join(" ")}
        action={t("certificates.revert")}
        run={async () => cache.setQueryData(keys.certificates, await api.revertCertificate())}
      />
    </>
  );
}
