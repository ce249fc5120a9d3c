// A film of a part of the recording: two handles on its time, and the moments that they are at.
import { Button, Group, Paper, RangeSlider, Text, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Recording } from "../../api/schema";
import { useFormat } from "../wording";
import { Failure } from "./Failure";

/** The box refuses less. */
const SHORTEST_MS = 1_000;

interface TrimProps {
  recording: Recording;
  /** Where the player is, in the recording's time; null without a player. */
  at: number | null;
  seek: ((ms: number) => void) | undefined;
  close: () => void;
}

export function Trim({ recording, at, seek, close }: TrimProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const format = useFormat();
  const cache = useQueryClient();
  const length = recording.duration_ms;
  const [[from, to], setPart] = useState<[number, number]>([0, length]);
  const work = useMutation({
    mutationFn: () =>
      api.render(recording.id, { layout: "auto", range: { from_ms: from, to_ms: to } }),
    onSuccess() {
      void cache.invalidateQueries({ queryKey: keys.jobs });
      void cache.invalidateQueries({ queryKey: keys.recordings });
      close();
    },
  });
  const change = ([nextFrom, nextTo]: [number, number]) => {
    // The player shows what the handle that moves is at.
    seek?.(nextFrom === from ? nextTo : nextFrom);
    setPart([nextFrom, nextTo]);
  };
  const here = at === null ? null : Math.round(at);
  const short = length < SHORTEST_MS;

  return (
    <Paper className="surface" p="md" component="section" aria-label={t("trim.title")}>
      <Title order={2} size="h4">
        {t("trim.title")}
      </Title>
      <Text c="dimmed" size="sm" mb="md">
        {t("trim.text")}
      </Text>
      <RangeSlider
        min={0}
        max={Math.max(length, SHORTEST_MS)}
        step={100}
        minRange={SHORTEST_MS}
        value={[from, to]}
        disabled={short}
        label={(ms) => format.clock(ms)}
        thumbSize={24}
        size={12}
        thumbFromLabel={t("trim.from")}
        thumbToLabel={t("trim.to")}
        thumbProps={(index) => ({ "aria-valuetext": format.clock(index === 0 ? from : to) })}
        onChange={change}
      />
      <Group mt="md" gap="md" justify="space-between">
        <Text>
          {format.clock(from)} – {format.clock(to)}{" "}
          <Text span c="dimmed">
            {t("trim.length", { length: format.clock(to - from) })}
          </Text>
        </Text>
        {here !== null && (
          <Group gap="xs">
            <Button
              variant="default"
              size="xs"
              disabled={here > to - SHORTEST_MS}
              onClick={() => setPart([here, to])}
            >
              {t("trim.from_here")}
            </Button>
            <Button
              variant="default"
              size="xs"
              disabled={here < from + SHORTEST_MS}
              onClick={() => setPart([from, Math.min(here, length)])}
            >
              {t("trim.to_here")}
            </Button>
          </Group>
        )}
      </Group>
      {work.error && <Failure error={work.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={close}>
          {t("shared:cancel")}
        </Button>
        <Button
          loading={work.isPending}
          disabled={short || (from === 0 && to === length)}
          onClick={() => work.mutate()}
        >
          {t("trim.make")}
        </Button>
      </Group>
    </Paper>
  );
}
