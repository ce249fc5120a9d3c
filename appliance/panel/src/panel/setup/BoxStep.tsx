// The box: its name, its zone, and whether its clock is right.
import { Alert, Button, Group, SegmentedControl, Select, Skeleton, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { network, networkKeys } from "../../api/network";
import type { BoxView, TimePut } from "../../api/schema";
import { setupKeys } from "../../api/setup";
import { chooseLanguage, LANGUAGES } from "../../i18n/start";
import { Failure } from "../parts/Failure";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { clockAdvice, proposedZone, readClock, zonesWith, type ReadClock } from "./clock";
import { StepFrame, type StepProps } from "./StepFrame";

async function askClock(): Promise<ReadClock> {
  const before = Date.now();
  const time = await network.time();
  return readClock(time, before, Date.now());
}

export function BoxStep({ box, ...props }: StepProps & { box: BoxView }) {
  const { t, i18n } = useTranslation(["setup", "shared"]);
  const cache = useQueryClient();
  const clock = useQuery({ queryKey: setupKeys.clock, queryFn: askClock, refetchOnMount: "always" });
  const [name, setName] = useState(box.name);
  const [zone, setZone] = useState<string | null>(null);
  const mayZone = useMay()("run_network");
  const device = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const time = clock.data?.time;
  const wanted = time && (zone ?? proposedZone(time.zone, device));
  const zones = useMemo(() => zonesWith(...(time ? [time.zone] : []), device), [time, device]);

  const finish = async () => {
    if (name.trim() !== box.name) cache.setQueryData(keys.box, await api.renameBox(name.trim()));
    if (time?.managed && mayZone && wanted && wanted !== time.zone) {
      cache.setQueryData(networkKeys.time, await network.putTime({ zone: wanted }));
    }
    await props.mark("passed");
  };
  return (
    <StepFrame title={t("box.title")} text={t("box.text")} finish={finish} stuck={name.trim() === "" && t("box.stuck")} {...props}>
      <TextInput
        label={t("box.name")}
        description={t("box.name_text")}
        value={name}
        maxLength={100}
        maw={420}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Stack gap={6} align="flex-start">
        <Text size="sm" fw={600} id="setup-language">
          {t("box.language")}
        </Text>
        <SegmentedControl
          aria-labelledby="setup-language"
          value={i18n.language}
          data={LANGUAGES.map(({ code, name }) => ({ value: code, label: name }))}
          onChange={chooseLanguage}
        />
        <Text size="sm" c="dimmed">
          {t("box.language_text")}
        </Text>
      </Stack>
      {clock.isPending && <Skeleton height={140} radius="md" />}
      {clock.error && <Failure error={clock.error} retry={() => void clock.refetch()} />}
      {time?.managed && mayZone && (
        <Select
          label={t("box.zone")}
          description={
            wanted !== time.zone && wanted === device
              ? t("box.zone_proposed", { zone: device })
              : t("box.zone_text")
          }
          data={zones}
          value={wanted ?? null}
          onChange={setZone}
          searchable
          limit={200}
          maw={420}
        />
      )}
      {time && !(time.managed && mayZone) && (
        <Stack gap={2}>
          <Text size="sm" fw={600}>
            {t("box.zone")}
          </Text>
          <Text size="sm" c="dimmed">
            {t(time.managed ? "box.zone_owner" : "box.zone_machine", { zone: time.zone })}
          </Text>
        </Stack>
      )}
      {clock.data && <ClockCheck clock={clock.data} look={() => void clock.refetch()} />}
    </StepFrame>
  );
}

function ClockCheck({ clock, look }: { clock: ReadClock; look: () => void }) {
  const { t } = useTranslation("setup");
  const cache = useQueryClient();
  const format = useFormat();
  const may = useMay()("run_network");
  const { time, aheadMs } = clock;
  const advice = clockAdvice(clock);
  const take = useMutation({
    mutationFn: () => {
      const now: TimePut = { now: new Date().toISOString() };
      return network.putTime(advice === "server" ? { ntp: false, ...now } : now);
    },
    onSuccess(next) {
      cache.setQueryData(networkKeys.time, next);
      look();
    },
  });
  // Both in the box's zone: what differs then is the clocks.
  const words = (ms: number) =>
    new Intl.DateTimeFormat(format.language, { dateStyle: "medium", timeStyle: "short", timeZone: time.zone }).format(ms);
  const boxMs = Date.parse(time.now);
  const settable = advice === "server" || advice === "hand";
  return (
    <Stack gap="xs">
      <Title order={3} size="h5">
        {t("clock.title")}
      </Title>
      {advice === "agrees" ? (
        <Group gap="xs" wrap="nowrap" role="status">
          <IconCircleCheck size={20} color="var(--plot-line)" aria-hidden style={{ flex: "none" }} />
          <Text size="sm">{t("clock.agrees")}</Text>
        </Group>
      ) : (
        <Alert color="orange" role="alert" icon={<IconAlertTriangle size={20} aria-hidden />}>
          <Stack gap="sm" align="flex-start">
            <Text size="sm" fw={600}>
              {t("clock.differs", {
                span: format.span(Math.abs(aheadMs) / 1000),
                box: words(boxMs),
                device: words(boxMs - aheadMs),
              })}
            </Text>
            <Text size="sm">{t(`clock.${advice}`)}</Text>
            <Text size="sm">{t("clock.why")}</Text>
            {take.error && <Failure error={take.error} />}
            <Group gap="sm">
              {settable && may && (
                <Button size="xs" loading={take.isPending} onClick={() => take.mutate()}>
                  {t("clock.take")}
                </Button>
              )}
              {settable && !may && <Text size="sm">{t("clock.owner")}</Text>}
              <Button size="xs" variant="default" onClick={look}>
                {t("clock.again")}
              </Button>
            </Group>
          </Stack>
        </Alert>
      )}
    </Stack>
  );
}
