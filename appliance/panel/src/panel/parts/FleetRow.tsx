// A box of the hub: how it is, and opened what it told and when it was silent.
import { ActionIcon, Collapse, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconAlertTriangle,
  IconChevronDown,
  IconCircleCheck,
  IconClockQuestion,
  IconCloudOff,
  IconCopyX,
  IconTrash,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import type { FleetBox } from "../../api/schema";
import { alarms, clockAhead } from "../../fleet";
import { useFormat } from "../wording";
import { Ago } from "./Ago";
import { FleetSilence } from "./FleetSilence";
import { FleetTold } from "./FleetTold";
import { StateBadge, type StateLook } from "./StateBadge";

const STATES: Record<FleetBox["state"], StateLook> = {
  unheard: { icon: IconClockQuestion, color: "gray" },
  here: { icon: IconCircleCheck, color: "green" },
  stale: { icon: IconCloudOff, color: "yellow" },
  cloned: { icon: IconCopyX, color: "red" },
};

const ALARMS: StateLook = { icon: IconAlertTriangle, color: "orange" };

export function FleetRow({
  box,
  own,
  runs,
  leave,
}: {
  box: FleetBox;
  own: boolean;
  /** Whoever looks may put boxes out. */
  runs: boolean;
  leave: () => void;
}) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const [open, { toggle }] = useDisclosure(false);
  const { pulse } = box;
  const ahead = clockAhead(box);
  const facts = pulse && [
    t("fleet.version", { version: pulse.version }),
    pulse.recordings > 0 && t("fleet.recording", { count: pulse.recordings, shown: pulse.recordings }),
    t("fleet.free", { free: format.bytes(pulse.free_bytes), total: format.bytes(pulse.total_bytes) }),
    pulse.waiting > 0 && t("fleet.waits", { count: pulse.waiting, shown: pulse.waiting }),
    box.refused > 0 && t("fleet.refused", { count: box.refused, shown: format.number(box.refused) }),
    ahead !== null && t(`fleet.clock_${ahead < 0 ? "behind" : "ahead"}`, { time: format.span(Math.abs(ahead)) }),
  ];
  const jobs = pulse && [
    pulse.helps !== null && t("fleet.helps", { name: pulse.helps }),
    pulse.offers.length > 0 &&
      t("fleet.offers", { count: pulse.offers.length, shown: pulse.offers.length }),
  ];
  const inside = `fleet-${box.id}`;
  return (
    <li>
      <Group justify="space-between" wrap="nowrap">
        <UnstyledButton
          className="fleet-row"
          aria-expanded={open}
          aria-controls={inside}
          onClick={toggle}
        >
          <IconChevronDown
            className="fleet-chevron"
            size={18}
            aria-hidden
            style={{ transform: open ? undefined : "rotate(-90deg)" }}
          />
          <Stack gap={2} miw={0}>
            <Group gap="xs">
              <Text fw={500} style={{ overflowWrap: "anywhere" }}>
                <Name>{box.name}</Name>
              </Text>
              <StateBadge look={STATES[box.state]} word={t(`fleet.state.${box.state}`)} />
              {alarms(box) > 0 && (
                <StateBadge look={ALARMS} word={t("fleet.alarms", { count: alarms(box), shown: format.number(alarms(box)) })} />
              )}
              {own && (
                <Text size="xs" c="dimmed">
                  {t("fleet.this_box")}
                </Text>
              )}
            </Group>
            <Text size="xs" c="dimmed">
              {facts && facts.filter(Boolean).join(" · ")}
              {box.heard_at && box.state !== "here" && (
                <>
                  {" · "}
                  {t("fleet.heard")} <Ago at={box.heard_at} />
                </>
              )}
            </Text>
            {jobs && jobs.some(Boolean) && (
              <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                {jobs.filter(Boolean).join(" · ")}
              </Text>
            )}
          </Stack>
        </UnstyledButton>
        {!own && runs && (
          <ActionIcon
            variant="default"
            size={40}
            aria-label={t("fleet.expel_named", { name: box.name })}
            onClick={leave}
          >
            <IconTrash size={18} />
          </ActionIcon>
        )}
      </Group>
      <Collapse expanded={open} id={inside}>
        {open && (
          <Stack gap="md" pt="sm" pl={26}>
            <FleetSilence box={box} />
            <FleetTold box={box.id} />
          </Stack>
        )}
      </Collapse>
    </li>
  );
}
