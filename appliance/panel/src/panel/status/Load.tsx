// The last ten minutes: processor, network, what is lost on the way, temperature.
import { Group, Paper, SimpleGrid, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Status } from "../../api/schema";
import { Plot } from "../parts/Plot";
import { useFormat } from "../wording";

type Point = Status["history"][number];

interface Course {
  label: string;
  color: string;
  /** null: nobody knows. */
  of: (point: Point) => number | null;
}

interface Picture {
  title: string;
  courses: Course[];
  write: (value: number) => string;
  atLeast: number;
}

export function Load({ status }: { status: Status }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const times = status.history.map((point) => Date.parse(point.at) / 1000);
  // Seconds, as long as marks would else say the same minute twice.
  const brief = (times.at(-1) ?? 0) - (times[0] ?? 0) < 300;
  const time = new Intl.DateTimeFormat(format.language, { timeStyle: brief ? "medium" : "short" });
  const pictures: Picture[] = [
    {
      title: t("status.cpu"),
      courses: [
        { label: t("status.cpu_all"), color: "--plot-line", of: (point) => point.cpu_percent },
        { label: t("status.cpu_media"), color: "--plot-other", of: (point) => point.media_percent },
        { label: t("status.cpu_films"), color: "--plot-third", of: (point) => point.films_percent },
      ],
      write: format.percent,
      atLeast: 20,
    },
    {
      title: t("status.network"),
      courses: [
        { label: t("status.received"), color: "--plot-line", of: (point) => point.bytes_in_per_s },
        { label: t("status.sent"), color: "--plot-other", of: (point) => point.bytes_out_per_s },
      ],
      write: format.bitRate,
      atLeast: 12_500,
    },
    {
      title: t("status.loss"),
      courses: [
        { label: t("status.loss_in"), color: "--plot-line", of: (point) => point.loss.in_percent },
        { label: t("status.loss_out"), color: "--plot-other", of: (point) => point.loss.out_percent },
      ],
      write: format.percent,
      atLeast: 5,
    },
    {
      title: t("status.temperature"),
      courses: [
        { label: t("status.temperature"), color: "--plot-line", of: (point) => point.temperature_c },
      ],
      write: (celsius) => `${format.number(celsius)} °C`,
      atLeast: 60,
    },
  ];
  // A machine without a sensor has no picture of it.
  const known = pictures.filter(({ courses }) =>
    courses.some(({ of }) => status.history.some((point) => of(point) !== null)),
  );
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      {known.map(({ title, courses, write, atLeast }) => (
        <Paper key={title} className="surface" p="md" component="section">
          <Group justify="space-between" mb="xs" gap="xs">
            <Title order={2} size="h4">
              {title}
            </Title>
            {courses.length > 1 && (
              <Group gap="sm">
                {courses.map(({ label, color, of }) => (
                  <Swatch key={color} color={color} words={`${label} ${latest(status, of, write)}`} />
                ))}
              </Group>
            )}
          </Group>
          <Plot
            title={title}
            times={times}
            lines={courses.map(({ label, color, of }) => ({
              label,
              color,
              values: status.history.map(of),
            }))}
            write={write}
            writeTime={(seconds) => time.format(seconds * 1000)}
            atLeast={atLeast}
          />
        </Paper>
      ))}
    </SimpleGrid>
  );
}

function latest(status: Status, of: Course["of"], write: Picture["write"]): string {
  const point = status.history.at(-1);
  const value = point === undefined ? null : of(point);
  return value === null ? "–" : write(value);
}

function Swatch({ color, words }: { color: string; words: string }) {
  return (
    <Group gap={6} wrap="nowrap">
      <span className="legend-swatch" style={{ background: `var(${color})` }} />
      <Text size="xs" c="dimmed">
        {words}
      </Text>
    </Group>
  );
}
