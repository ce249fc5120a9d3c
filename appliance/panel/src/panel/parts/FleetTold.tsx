// The last things that a box told its hub.
import { Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { ToldEvent } from "../../api/schema";
import { detail, toldAs } from "../../fleet";
import { Ago } from "./Ago";
import { Failure } from "./Failure";

const LOOK_AGAIN_MS = 5_000;

/** States of recordings that there are words for. */
const RECORDINGS = ["recording", "captured", "ready", "parked", "empty"] as const;
const JOBS = ["queued", "running", "finished", "parked", "cancelled"] as const;

export function FleetTold({ box }: { box: string }) {
  const { t } = useTranslation("panel");
  const told = useQuery({
    queryKey: keys.fleetTold(box),
    queryFn: () => api.fleetTold(box),
    refetchInterval: LOOK_AGAIN_MS,
  });
  if (told.error) return <Failure error={told.error} />;
  if (!told.data) return null;
  return (
    <section>
      <Title order={3} size="h6" mb={4}>
        {t("fleet.told")}
      </Title>
      {told.data.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("fleet.told_none")}
        </Text>
      )}
      <Stack gap={4} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {told.data.items.map((event) => (
          <Group
            key={event.id}
            component="li"
            gap="sm"
            justify="space-between"
            align="baseline"
            wrap="nowrap"
          >
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              <What event={event} />
            </Text>
            <Text size="xs" c="dimmed" style={{ flex: "none" }}>
              <Ago at={event.at} />
            </Text>
          </Group>
        ))}
      </Stack>
    </section>
  );
}

function What({ event }: { event: ToldEvent }) {
  const { t } = useTranslation("panel");
  const as = toldAs(event);
  if (as === null) return <>{event.type}</>;
  const said = detail(event, "state");
  const recording = RECORDINGS.find((state) => state === said);
  const job = JOBS.find((state) => state === said);
  return (
    <>
      {t(`fleet.happened.${as}`, {
        name: detail(event, "name") || detail(event, "title") || event.subject,
        state:
          as === "recording_changed" && recording
            ? t(`recording.state.${recording}`)
            : job
              ? t(`fleet.job.${job}`)
              : said,
      })}
    </>
  );
}
