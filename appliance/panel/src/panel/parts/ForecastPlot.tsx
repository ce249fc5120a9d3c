// How the disk fills at one rate: a line that rises to where recording ends.
import { Group, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Forecast, StorageReport } from "../../api/schema";
import { outlook } from "../../forecast";
import { useFormat } from "../wording";

const WIDTH = 400;
const HEIGHT = 140;

interface ForecastPlotProps {
  report: StorageReport;
  of: "now" | "week";
}

export function ForecastPlot({ report, of }: ForecastPlotProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const forecast = report[of];
  const seen = outlook(report, forecast);
  const name = t(`storage.${of}`);
  const what = useSentence(forecast, of);
  const y = (share: number) => HEIGHT * (1 - share);
  const full = seen.full_at === null ? null : seen.full_at * WIDTH;
  // Level once it is full: nothing is recorded any more.
  const line = [
    [0, seen.now],
    ...(full === null ? [] : [[full, seen.end]]),
    [WIDTH, seen.end],
  ].map(([x, share]) => `${x},${y(share ?? 0)}`);
  return (
    <Stack gap={4}>
      <Title order={3} size="h5">
        {name}
      </Title>
      <Group justify="space-between" gap="xs">
        <Text fw={600}>{what}</Text>
        <Text size="sm" c="dimmed">
          {forecast.bytes_per_s > 0 && rate(of, forecast.bytes_per_s)}
        </Text>
      </Group>
      <svg
        className="forecast"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t("storage.plot", { name, used: format.percent(seen.now * 100), what })}
      >
        <rect className="forecast-reserve" x={0} y={0} width={WIDTH} height={y(seen.limit)} />
        <polygon className="forecast-used" points={[...line, `${WIDTH},${HEIGHT}`, `0,${HEIGHT}`].join(" ")} />
        <polyline className="forecast-line" points={line.join(" ")} />
        <line className="forecast-limit" x1={0} x2={WIDTH} y1={y(seen.limit)} y2={y(seen.limit)} />
        {full !== null && (
          <line className="forecast-full" x1={full} x2={full} y1={y(seen.limit)} y2={HEIGHT} />
        )}
      </svg>
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          {t("storage.today")}
        </Text>
        <Text size="xs" c="dimmed">
          {format.ahead(seen.horizon_s)}
        </Text>
      </Group>
    </Stack>
  );

  function rate(of: "now" | "week", bytesPerSecond: number): string {
    return of === "now"
      ? t("storage.rate_now", { rate: format.bytes(bytesPerSecond * 3_600) })
      : t("storage.rate", { rate: format.bytes(bytesPerSecond * 86_400) });
  }
}

function useSentence(forecast: Forecast, of: "now" | "week"): string {
  const { t } = useTranslation("panel");
  const format = useFormat();
  if (forecast.full_in_s === 0) return t("storage.full");
  if (forecast.full_in_s !== null) {
    return t("storage.full_in", { when: format.ahead(forecast.full_in_s) });
  }
  return of === "now" && forecast.bytes_per_s === 0 ? t("storage.never_now") : t("storage.never_week");
}
