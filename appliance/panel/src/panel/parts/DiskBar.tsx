// The disk as one bar: what recordings take, what else is on it, what is free, what stays free.
import { Group, Paper, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import type { Disk } from "../../api/schema";
import { share } from "../../format";
import { useFormat } from "../wording";

interface DiskBarProps {
  disk: Disk;
  /** Packets that were not written because the disk was too slow. */
  dropped: number;
}

export function DiskBar({ disk, dropped }: DiskBarProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const reserve = Math.min(disk.reserve_bytes, disk.free_bytes);
  const usable = disk.free_bytes - reserve;
  const other = Math.max(0, disk.total_bytes - disk.free_bytes - disk.recordings_bytes);
  const parts = [
    { name: t("disk.recordings"), bytes: disk.recordings_bytes, fill: "var(--plot-line)" },
    { name: t("disk.other"), bytes: other, fill: "var(--mantine-color-gray-6)" },
    { name: t("disk.free"), bytes: usable, fill: "var(--panel-ground)" },
    {
      name: t("disk.reserve"),
      bytes: reserve,
      fill: "repeating-linear-gradient(-45deg, var(--plot-other) 0 3px, var(--panel-ground) 3px 7px)",
    },
  ];
  const words = parts.map((part) => `${part.name} ${format.bytes(part.bytes)}`).join(", ");
  const forecast =
    usable <= 0
      ? t("disk.full")
      : disk.full_in_s === null
        ? t("disk.no_forecast")
        : t("disk.full_in", {
            span: format.span(disk.full_in_s),
            when: format.ahead(disk.full_in_s),
          });

  return (
    <Paper className="surface" p="md" component="section">
      <Group justify="space-between" gap="xs" mb="sm">
        <Title order={2} size="h4">
          {t("disk.title")}
        </Title>
        <Text fw={500} c={usable <= 0 ? "var(--mantine-color-error)" : undefined}>
          {forecast}
        </Text>
      </Group>
      <div className="disk-bar" role="img" aria-label={words}>
        {parts.map((part) => (
          <span
            key={part.name}
            style={{ width: `${share(part.bytes, disk.total_bytes)}%`, background: part.fill }}
          />
        ))}
      </div>
      <Group gap="md" mt="sm">
        {parts.map((part) => (
          <Group key={part.name} gap={6} wrap="nowrap">
            <span
              className="legend-swatch"
              style={{ background: part.fill, border: "1px solid var(--panel-line)" }}
            />
            <Text size="sm">
              <Name>{part.name}</Name>{" "}
              <Text span c="dimmed">
                {format.bytes(part.bytes)}
              </Text>
            </Text>
          </Group>
        ))}
      </Group>
      {dropped > 0 && (
        <Text mt="sm" c="var(--mantine-color-error)">
          {t("disk.dropped", { count: dropped, value: format.number(dropped) })}
        </Text>
      )}
    </Paper>
  );
}
