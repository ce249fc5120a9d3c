// When a box was silent, on an axis of time.
import { Group, SegmentedControl, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { FleetBox } from "../../api/schema";
import { lasting, silences } from "../../fleet";
import { useNow } from "../now";
import { useFormat } from "../wording";
import { Failure } from "./Failure";

const LOOK_AGAIN_MS = 15_000;
const HOUR = 3_600_000;
const SPANS = { day: 24 * HOUR, week: 7 * 24 * HOUR };
/** The picture's own unit; it is drawn as wide as there is room. */
const WIDTH = 1_000;
const HEIGHT = 24;
/** What is shorter could not be seen. */
const THINNEST = 3;

export function FleetSilence({ box }: { box: FleetBox }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const to = useNow();
  const [span, setSpan] = useState<keyof typeof SPANS>("day");
  const found = useQuery({
    queryKey: keys.fleetOutages(box.id),
    queryFn: () => api.fleetOutages(box.id),
    refetchInterval: LOOK_AGAIN_MS,
  });
  if (found.error) return <Failure error={found.error} />;
  if (!found.data) return null;
  const from = to - SPANS[span];
  const shown = silences(found.data.items, from, to);
  const x = (ms: number) => ((Math.max(from, ms) - from) / SPANS[span]) * WIDTH;
  const joined = Math.min(WIDTH, x(Date.parse(box.joined_at)));
  const says =
    shown.length === 0
      ? t("fleet.silent_never")
      : t("fleet.silent", {
          count: shown.length,
          shown: shown.length,
          time: format.span(Math.max(1, lasting(shown) / 1000)),
        });
  return (
    <section>
      <Group justify="space-between" gap="xs" mb={4}>
        <Title order={3} size="h6">
          {t("fleet.silences")}
        </Title>
        <SegmentedControl
          size="xs"
          aria-label={t("fleet.silences")}
          value={span}
          onChange={(value) => setSpan(value === "week" ? "week" : "day")}
          data={[
            { value: "day", label: t("fleet.day") },
            { value: "week", label: t("fleet.week") },
          ]}
        />
      </Group>
      <svg
        className="silence"
        role="img"
        aria-label={says}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
      >
        <rect className="silence-ground" width={WIDTH} height={HEIGHT} />
        <rect className="silence-here" x={joined} width={WIDTH - joined} height={HEIGHT} />
        {shown.map((one) => (
          <rect
            key={one.from}
            className="silence-gap"
            x={Math.min(x(one.from), WIDTH - THINNEST)}
            width={Math.max(THINNEST, x(one.to) - x(one.from))}
            height={HEIGHT}
          />
        ))}
      </svg>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="xs" c="dimmed">
          {format.hour(new Date(from).toISOString())}
        </Text>
        <Text size="xs" c="dimmed">
          {t("fleet.now")}
        </Text>
      </Group>
      <Text size="sm">{says}</Text>
    </section>
  );
}
