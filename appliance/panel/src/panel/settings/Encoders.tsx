// Hardware that encodes films: how each encoder stands, why, and what can be done about it.
import { Button, Code, Group, Skeleton, Stack, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleOff,
  IconHourglass,
  IconZoomQuestion,
  IconRefresh,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoardEncoder, EncoderState } from "../../api/schema";
import { Failure, useReportFailure } from "../parts/Failure";
import { StateBadge, type StateLook } from "../parts/StateBadge";
import { useFormat } from "../wording";
import { Card } from "./Card";

const LOOKS: Record<EncoderState, StateLook> = {
  untried: { icon: IconCircleDashed, color: "gray" },
  trying: { icon: IconHourglass, color: "blue" },
  absent: { icon: IconCircleDashed, color: "gray" },
  refused: { icon: IconAlertTriangle, color: "orange" },
  verified: { icon: IconCircleCheck, color: "teal" },
  off: { icon: IconCircleOff, color: "red" },
};
const UNSEEN: StateLook = { icon: IconZoomQuestion, color: "gray" };

export function Encoders() {
  const { t } = useTranslation("panel");
  const list = useQuery({ queryKey: keys.encoders, queryFn: api.encoders });
  const { items = [], in_use: inUse = "" } = list.data ?? {};
  const used = items.find((one) => one.element === inUse);
  const now = used
    ? t("encoders.now", { encoder: inUse, state: t("encoders.verified_word"), next: used.falls_back_to })
    : t("encoders.software_now", { encoder: inUse });
  return (
    <Card title={t("encoders.title")} text={t("encoders.text")}>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton height={80} radius="md" />}
      {list.data && <Text fw={500}>{now}</Text>}
      {list.data && items.length === 0 && <Text c="dimmed">{t("encoders.none")}</Text>}
      {items.length > 0 && (
        <Stack gap="lg" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {items.map((one) => (
            <Row key={one.element} encoder={one} />
          ))}
        </Stack>
      )}
    </Card>
  );
}

function Row({ encoder }: { encoder: BoardEncoder }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const again = useMutation({
    mutationFn: () => api.tryEncoder(encoder.element),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.encoders }),
    onError: report,
  });
  const { element, state, seen_by: seen, driver } = encoder;
  return (
    <Stack component="li" gap={6}>
      <Group justify="space-between" gap="xs">
        <Group gap="xs">
          <Code>{element}</Code>
          <StateBadge look={LOOKS[state]} word={t(`encoders.state.${state}`)} />
          {state === "verified" && seen === null && (
            <StateBadge look={UNSEEN} word={t("encoders.unseen")} />
          )}
        </Group>
        {state !== "trying" && (
          <Button
            size="compact-sm"
            variant="light"
            loading={again.isPending}
            leftSection={<IconRefresh size={14} aria-hidden />}
            aria-label={t("encoders.again_named", { encoder: element })}
            onClick={() => again.mutate()}
          >
            {t("encoders.again")}
          </Button>
        )}
      </Group>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        <Why encoder={encoder} />
      </Text>
      {(driver ?? seen) !== null && (
        <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {[driver, seen && t("encoders.seen", { who: seen })].filter(Boolean).join(" · ")}
        </Text>
      )}
      <Failures encoder={encoder} />
    </Stack>
  );
}

/** What its state means here. */
function Why({ encoder }: { encoder: BoardEncoder }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { state, why, fps, psnr_db: db, tried_at: tried, failures } = encoder;
  if (state === "verified") {
    const numbers = { fps: format.number(fps ?? 0), db: format.number(db ?? 0) };
    const passed = t("encoders.verified_text", { when: tried ? format.dateTime(tried) : "", ...numbers });
    return `${passed}. ${t("encoders.falls_back", { next: encoder.falls_back_to })}.`;
  }
  if (state === "refused") return t("encoders.refused_text", { why: why ?? "" });
  if (state === "off") return t("encoders.off_text", { count: failures.length });
  if (state === "absent") return t("encoders.absent_text");
  return t("encoders.untried_text");
}

function Failures({ encoder }: { encoder: BoardEncoder }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  if (encoder.failures.length === 0) return null;
  return (
    <details>
      <Text component="summary" size="sm" style={{ cursor: "pointer" }}>
        {t("encoders.failures", { count: encoder.failures.length })}
      </Text>
      <Stack gap={2} component="ul" m={0} pl="md">
        {encoder.failures.map((failure) => (
          <Text component="li" size="sm" key={failure.at} style={{ overflowWrap: "anywhere" }}>
            {format.dateTime(failure.at)} · {t(`encoders.fault.${failure.fault}`)}: {failure.why}
          </Text>
        ))}
      </Stack>
    </details>
  );
}
