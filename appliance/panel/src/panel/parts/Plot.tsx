// A live plot by uPlot: it follows the data, the width and the colours of the page.
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import UPlot from "uplot";

export interface Line {
  label: string;
  /** A CSS variable, so that it fits the colour scheme. */
  color: string;
  /** null: a gap. */
  values: (number | null)[];
}

interface PlotProps {
  title: string;
  /** Seconds since 1970. */
  times: number[];
  lines: Line[];
  write: (value: number) => string;
  writeTime: (seconds: number) => string;
  /** Upper end of the axis when all values are below it. */
  atLeast: number;
}

const HEIGHT = 168;

export function Plot({ title, times, lines, write, writeTime, atLeast }: PlotProps) {
  const scheme = useComputedColorScheme("light");
  const { ref: measure, width } = useElementSize<HTMLDivElement>();
  const place = useRef<HTMLDivElement>(null);
  const ref = useMergedRef(measure, place);
  const plot = useRef<UPlot | null>(null);
  const writers = useRef({ write, writeTime });
  const data: UPlot.AlignedData = [times, ...lines.map((line) => line.values)];
  const newest = useRef(data);
  const shape = lines.map((line) => `${line.label} ${line.color}`).join("|");

  useEffect(() => {
    writers.current = { write, writeTime };
    newest.current = data;
    plot.current?.setData(data);
  });

  useEffect(() => {
    const host = place.current;
    if (!host || width === 0) return;
    const style = getComputedStyle(host);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const axis: UPlot.Axis = {
      stroke: color("--plot-text"),
      grid: { stroke: color("--plot-grid"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const drawn = new UPlot(
      {
        width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(atLeast, max * 1.1)] } },
        axes: [
          {
            ...axis,
            // Room for the times, and no more.
            size: 32,
            space: 80,
            // Without those of two and three minutes a narrow plot has a time every five.
            incrs: [5, 10, 15, 30, 60, 120, 180, 300, 600],
            values: (_, splits) => splits.map((at) => writers.current.writeTime(at)),
          },
          {
            ...axis,
            // As wide as what is written, and no wider.
            size: (_, values) =>
              16 + 7 * Math.max(0, ...(values ?? []).map((text) => text?.length ?? 0)),
            space: 28,
            values: (_, splits) => splits.map((value) => writers.current.write(value)),
          },
        ],
        series: [
          {},
          ...shape.split("|").map((line): UPlot.Series => {
            const stroke = color(line.slice(line.lastIndexOf(" ") + 1));
            return { stroke, width: 2, points: { show: false }, fill: `${stroke}1f` };
          }),
        ],
      },
      newest.current,
      host,
    );
    plot.current = drawn;
    return () => {
      plot.current = null;
      drawn.destroy();
    };
  }, [width, scheme, shape, atLeast]);

  const last = lines
    .map((line) => {
      const value = line.values.at(-1) ?? null;
      return `${line.label} ${value === null ? "–" : write(value)}`;
    })
    .join(", ");
  return <div ref={ref} className="plot" role="img" aria-label={`${title}: ${last}`} style={{ minHeight: HEIGHT }} />;
}
