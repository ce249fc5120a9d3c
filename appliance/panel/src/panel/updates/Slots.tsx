// The two sides as a picture: which runs, which starts next, how the other is.
import { Button, Group, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconHourglass,
  IconPlayerPlay,
  IconPlayerTrackNext,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import type { Slot, Updates } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Confirm } from "../parts/Confirm";
import { StateBadge } from "../parts/StateBadge";
import { Card } from "../settings/Card";
import { isAtRest } from "./rest";

const LOOKS = {
  good: { icon: IconCircleCheck, color: "teal" },
  bad: { icon: IconAlertTriangle, color: "red" },
  empty: { icon: IconCircleDashed, color: "gray" },
  trying: { icon: IconHourglass, color: "blue" },
} as const;

export function Slots({ updates }: { updates: Updates }) {
  const { t } = useTranslation("panel");
  const may = isAtRest(updates.now) && updates.confirmed;
  return (
    <Card title={t("updates.slots.title")} text={t("updates.slots.text")}>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
        {updates.slots.map((slot) => (
          <SlotCard key={slot.name} slot={slot} may={may} />
        ))}
      </SimpleGrid>
    </Card>
  );
}

function SlotCard({ slot, may }: { slot: Slot; may: boolean }) {
  const { t } = useTranslation("panel");
  const [asked, ask] = useDisclosure(false);
  const { name, version } = slot;
  return (
    <Paper className={slot.booted ? "slot booted" : "slot"} p="md">
      <Stack gap="xs" h="100%">
        <Group justify="space-between" gap="xs">
          <Text fw={600}>{t("updates.slots.side", { name })}</Text>
          <StateBadge look={LOOKS[slot.state]} word={t(`updates.slots.state.${slot.state}`)} />
        </Group>
        <Text fz={22} fw={600} lh={1.25}>
          {slot.state === "empty"
            ? "–"
            : version === null
              ? t("updates.slots.unknown")
              : t("updates.slots.version", { version })}
        </Text>
        <Group gap="md">
          {slot.booted && (
            <Note icon={<IconPlayerPlay size={16} aria-hidden />} text={t("updates.slots.runs")} />
          )}
          {slot.next && (
            <Note
              icon={<IconPlayerTrackNext size={16} aria-hidden />}
              text={t("updates.slots.next")}
            />
          )}
          {slot.state === "empty" && (
            <Text size="sm" c="dimmed">
              {t("updates.slots.nothing")}
            </Text>
          )}
        </Group>
        {slot.installed_at !== null && (
          <Text size="sm" c="dimmed">
            {t("updates.slots.installed")} <Ago at={slot.installed_at} />
          </Text>
        )}
        {!slot.booted && slot.state !== "empty" && (
          <Group mt="auto" pt="xs">
            <Button size="xs" variant="default" disabled={!may} onClick={ask.open}>
              {t("updates.slots.switch", { name })}
            </Button>
          </Group>
        )}
      </Stack>
      <Confirm
        opened={asked}
        close={ask.close}
        title={t("updates.slots.switch_title", { name })}
        text={t("updates.slots.switch_text", { name })}
        action={t("updates.slots.switch", { name })}
        run={() => api.restart({ other: true })}
      />
    </Paper>
  );
}

function Note({ icon, text }: { icon: React.ReactNode; text: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      {icon}
      <Text size="sm">{text}</Text>
    </Group>
  );
}
