// The schedule: a week of what is planned and how it went, and the calendars that are followed.
import { Alert, Button, Group, Skeleton, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCalendarPlus, IconCalendarShare, IconClockQuestion } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { endOf, weekOf } from "../../schedule";
import { EventDialog } from "../parts/EventDialog";
import { Failure } from "../parts/Failure";
import { FeedDialog } from "../parts/FeedDialog";
import { Feeds } from "../parts/Feeds";
import { Heading } from "../parts/Heading";
import { Week } from "../parts/Week";
import { useMay } from "../session";

/** What is on now changes its state by the clock alone. */
const LOOK_AGAIN_MS = 30_000;

export function SchedulePage() {
  const { t } = useTranslation("panel");
  const [later, turn] = useState(0);
  const [planning, plan] = useDisclosure(false);
  const [following, follow] = useDisclosure(false);
  const week = weekOf(new Date(), later);
  const stretch = { from: (week[0] ?? new Date(0)).toISOString(), to: endOf(week).toISOString() };
  const schedule = useQuery({
    queryKey: keys.scheduleOf(stretch.from),
    queryFn: () => api.schedule(stretch.from, stretch.to),
    refetchInterval: LOOK_AGAIN_MS,
  });
  const may = useMay();
  const feeds = useQuery({ queryKey: keys.feeds, queryFn: api.feeds });
  const rooms = useQuery({ queryKey: keys.rooms, queryFn: api.rooms });
  const kept = (rooms.data?.items ?? []).filter((room) => room.invite !== null);

  return (
    <>
      <Heading title={t("nav.schedule")} lead={t("schedule.lead")}>
        <Group gap="xs">
          {may("configure") && (
            <Button
              variant="default"
              leftSection={<IconCalendarShare size={18} aria-hidden />}
              onClick={follow.open}
            >
              {t("schedule.follow")}
            </Button>
          )}
          {may("plan") && (
            <Button leftSection={<IconCalendarPlus size={18} aria-hidden />} onClick={plan.open}>
              {t("schedule.plan")}
            </Button>
          )}
        </Group>
      </Heading>
      <Stack gap="md">
        {schedule.data?.clock_unset && (
          <Alert
            color="yellow"
            icon={<IconClockQuestion aria-hidden />}
            title={t("schedule.clock")}
          >
            {t("schedule.clock_text")}
          </Alert>
        )}
        {schedule.error && (
          <Failure error={schedule.error} retry={() => void schedule.refetch()} />
        )}
        {schedule.isPending && <Skeleton height={480} radius="lg" />}
        {schedule.data && (
          <Week
            week={week}
            later={later}
            turn={turn}
            events={schedule.data.items}
            feeds={feeds.data?.items ?? []}
          />
        )}
        {feeds.error && <Failure error={feeds.error} retry={() => void feeds.refetch()} />}
        {feeds.data && <Feeds feeds={feeds.data.items} rooms={kept} />}
      </Stack>
      <EventDialog opened={planning} close={plan.close} rooms={kept} />
      <FeedDialog opened={following} close={follow.close} rooms={kept} />
    </>
  );
}
