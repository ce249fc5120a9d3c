// A setting that box and fleet want otherwise, side by side, with whose it is to be.
import { Button, Group, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconCheck, IconDeviceDesktop, IconTopologyStar3 } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Choice, TwinEntry } from "../../api/schema";
import { Failure } from "./Failure";
import { useSettingWords } from "./settingWords";

interface SidesProps {
  entry: TwinEntry;
  /** Whoever looks may decide. */
  decides: boolean;
  decide: (choice: Choice) => Promise<unknown>;
}

export function Sides({ entry, decides, decide }: SidesProps) {
  const { t } = useTranslation("panel");
  const words = useSettingWords();
  const name = words.name(entry.setting);
  const shown = (value: unknown) => words.value(entry.setting, JSON.stringify(value ?? null));
  const work = useMutation({ mutationFn: decide });
  const kept = entry.standing === "kept";
  return (
    <Paper withBorder p="sm" radius="md">
      <Stack gap="sm">
        <Text fw={500} style={{ overflowWrap: "anywhere" }}>
          {name}
        </Text>
        <SimpleGrid cols={2} spacing="sm">
          <Side icon={<IconDeviceDesktop size={16} aria-hidden />} label={t("fleet.twin.on_box")} value={shown(entry.own)} />
          <Side icon={<IconTopologyStar3 size={16} aria-hidden />} label={t("fleet.twin.in_fleet")} value={shown(entry.wanted)} />
        </SimpleGrid>
        {kept && (
          <Group gap={4}>
            <IconCheck size={16} aria-hidden />
            <Text size="sm">{t("fleet.twin.standing.kept")}</Text>
          </Group>
        )}
        {work.error && <Failure error={work.error} />}
        {decides && (
          <Group gap="sm">
            {!kept && (
              <Button
                variant="default"
                size="xs"
                loading={work.isPending}
                aria-label={t("fleet.twin.keep_named", { name })}
                onClick={() => work.mutate("box")}
              >
                {t("fleet.twin.keep")}
              </Button>
            )}
            <Button
              variant="default"
              size="xs"
              loading={work.isPending}
              aria-label={t("fleet.twin.take_named", { name })}
              onClick={() => work.mutate("fleet")}
            >
              {t("fleet.twin.take")}
            </Button>
          </Group>
        )}
      </Stack>
    </Paper>
  );
}

function Side({ icon, label, value }: { icon: React.ReactNode; label: string; value: string }) {
  return (
    <Stack gap={2}>
      <Group gap={4} c="dimmed">
        {icon}
        <Text size="xs">{label}</Text>
      </Group>
      <Text style={{ overflowWrap: "anywhere" }}>{value}</Text>
    </Stack>
  );
}
