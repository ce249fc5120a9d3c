// The recording at a glance: who was there, who spoke, what is missing; a click seeks.
import { Group, Paper, Text, Title, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import {
  useMemo,
  useState,
  type CSSProperties,
  type MouseEvent,
  type PointerEvent,
  type ReactNode,
} from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Recording } from "../../api/schema";
import { share } from "../../format";
import { stripOf, type Lane, type Span, type Strip } from "../../timeline";
import { useFormat } from "../wording";
import { Failure } from "./Failure";
import type { Pointed } from "./Preview";

interface TimelineStripProps {
  recording: Recording;
  /** Where the player is, in the recording's time; null without a player. */
  at: number | null;
  /** Goes to a moment of the recording. */
  seek: ((ms: number) => void) | undefined;
  /** Draws what is at a moment. */
  preview?: ((pointed: Pointed) => ReactNode) | undefined;
}

export function TimelineStrip({ recording, at, seek, preview }: TimelineStripProps) {
  const { t } = useTranslation("panel");
  const timeline = useQuery({
    queryKey: keys.timeline(recording.id),
    queryFn: () => api.timeline(recording.id),
  });
  const [pointed, point] = useState<Pointed | null>(null);
  const length = recording.duration_ms;
  const strip = useMemo(
    () => (timeline.data ? stripOf(timeline.data.items, length) : null),
    [timeline.data, length],
  );
  if (timeline.error) return <Failure error={timeline.error} />;
  if (!strip || length === 0 || strip.lanes.length === 0) return null;

  const follow = (event: PointerEvent<HTMLElement>) => {
    const lane = (event.target as Element).closest(".strip-lane");
    if (!lane) {
      point(null);
      return;
    }
    const box = lane.getBoundingClientRect();
    const strip = event.currentTarget.getBoundingClientRect();
    const x = event.clientX - strip.left;
    point({ x, width: strip.width, ms: ((event.clientX - box.left) / box.width) * length });
  };

  return (
    <Paper className="surface" p="md" component="section">
      <Group justify="space-between" mb="sm" gap="xs">
        <Title order={2} size="h4">
          {t("timeline.title")}
        </Title>
        <Legend strip={strip} />
      </Group>
      <div className="strip" onPointerMove={follow} onPointerLeave={() => point(null)}>
        {pointed && preview?.(pointed)}
        {strip.markers.length > 0 && <Markers strip={strip} length={length} seek={seek} />}
        {strip.lanes.map((lane) => (
          <LaneRow
            key={lane.participant}
            lane={lane}
            strip={strip}
            length={length}
            at={at}
            seek={seek}
          />
        ))}
      </div>
    </Paper>
  );
}

interface Drawn {
  strip: Strip;
  length: number;
  seek: ((ms: number) => void) | undefined;
}

function Markers({ strip, length, seek }: Drawn) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  return (
    <>
      <span className="strip-name">{t("timeline.markers")}</span>
      <div className="strip-lane" style={{ cursor: "default", overflow: "visible" }}>
        {strip.markers.map((marker) => {
          const text = `${format.clock(marker.at)} ${marker.text}`;
          return (
            <Tooltip key={`${marker.at} ${marker.text}`} label={text}>
              <button
                type="button"
                className="strip-marker"
                style={{ left: `${share(marker.at, length)}%` }}
                aria-label={t("timeline.go_to", { text })}
                onClick={() => seek?.(marker.at)}
              />
            </Tooltip>
          );
        })}
      </div>
    </>
  );
}

function LaneRow({ lane, strip, length, at, seek }: Drawn & { lane: Lane; at: number | null }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const jump = (event: MouseEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    seek?.(((event.clientX - box.left) / box.width) * length);
  };
  const spoken = lane.speaking.reduce((sum, span) => sum + span.to - span.from, 0);
  const words = t("timeline.lane", {
    name: lane.name,
    spoken: format.clock(spoken),
    gaps: lane.gaps.length + strip.outages.length,
    pauses: strip.pauses.length,
  });
  const place = (span: Span): CSSProperties => ({
    left: `${share(span.from, length)}%`,
    width: `${share(span.to - span.from, length)}%`,
  });
  const spans = (kind: string, list: Span[]) =>
    list.map((span) => (
      <span key={`${kind}${span.from}`} className={`strip-span ${kind}`} style={place(span)} />
    ));

  return (
    <>
      <span className="strip-name"><Name>{lane.name}</Name></span>
      <div
        className="strip-lane"
        role="img"
        aria-label={words}
        style={seek ? undefined : { cursor: "default" }}
        onClick={jump}
      >
        {spans("present", lane.present)}
        {spans("speaking", lane.speaking)}
        {spans("sharing", lane.sharing)}
        {spans("paused", strip.pauses)}
        {[...lane.gaps, ...strip.outages].map((gap) => (
          <span
            key={`gap${gap.from}`}
            className="strip-span gap"
            style={place(gap)}
            title={`${format.clock(gap.from)} ${t(`timeline.reason.${gap.reason}`)}`}
          />
        ))}
        {at !== null && <span className="strip-head" style={{ left: `${share(at, length)}%` }} />}
      </div>
    </>
  );
}

function Legend({ strip }: { strip: Strip }) {
  const { t } = useTranslation("panel");
  const gaps = strip.outages.length > 0 || strip.lanes.some((lane) => lane.gaps.length > 0);
  const shares = strip.lanes.some((lane) => lane.sharing.length > 0);
  const entries = [
    { kind: "present", words: t("timeline.present"), shown: true },
    { kind: "speaking", words: t("timeline.speaking"), shown: true },
    { kind: "sharing", words: t("timeline.sharing"), shown: shares },
    { kind: "gap", words: t("timeline.gap"), shown: gaps },
    { kind: "paused", words: t("timeline.paused"), shown: strip.pauses.length > 0 },
  ];
  return (
    <Group gap="sm" aria-hidden>
      {entries
        .filter((entry) => entry.shown)
        .map(({ kind, words }) => (
          <Group key={kind} gap={6}>
            <span className={`strip-span ${kind} legend-swatch`} />
            <Text size="xs" c="dimmed">
              {words}
            </Text>
          </Group>
        ))}
    </Group>
  );
}
