// What the owner can change. Each card is saved on its own and says when it applies.
import { Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconLogout } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView, Person } from "../../api/schema";
import { Failure, useReportFailure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { ApiTokens } from "../settings/ApiTokens";
import { BoxName } from "../settings/BoxName";
import { Card } from "../settings/Card";
import { DangerZone } from "../settings/DangerZone";
import { Encoders } from "../settings/Encoders";
import { FleetCard } from "../settings/FleetCard";
import { LivekitKeys } from "../settings/LivekitKeys";
import { MeetingSettings } from "../settings/MeetingSettings";
import { Mqtt } from "../settings/Mqtt";
import { RecorderMode } from "../settings/RecorderMode";
import { RecordingSettings } from "../settings/RecordingSettings";
import { Software } from "../settings/Software";
import { Targets } from "../settings/Targets";
import { Webhooks } from "../settings/Webhooks";
import { TurnSettings } from "../settings/TurnSettings";

interface SettingsPageProps {
  box: BoxView;
  person: Person;
}

export function SettingsPage({ box, person }: SettingsPageProps) {
  const { t } = useTranslation("panel");
  const settings = useQuery({ queryKey: keys.settings, queryFn: api.settings });
  return (
    <>
      <Heading title={t("nav.settings")} />
      <Stack gap="md" maw={760}>
        <BoxName box={box} />
        {settings.error && <Failure error={settings.error} retry={() => void settings.refetch()} />}
        {settings.isPending && <Skeleton height={320} radius="lg" />}
        {settings.data && (
          <>
            <RecordingSettings settings={settings.data} />
            <RecorderMode settings={settings.data} />
            <Encoders />
            <Targets />
            <MeetingSettings settings={settings.data} />
            <TurnSettings settings={settings.data} />
          </>
        )}
        <Software box={box} />
        <FleetCard />
        <LivekitKeys />
        <Webhooks />
        <Mqtt />
        <ApiTokens />
        <Leave person={person} />
        <DangerZone box={box} />
        <Text size="sm" c="dimmed">
          Roombox {box.version} · {box.id}
        </Text>
      </Stack>
    </>
  );
}

function Leave({ person }: { person: Person }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const signOut = useMutation({
    mutationFn: api.signOut,
    onError: report,
    onSuccess() {
      // The session first, and it stays: removed, it would no longer be heard by who shows it.
      cache.setQueryData(keys.session, null);
      const kept: unknown[] = [keys.box[0], keys.session[0]];
      cache.removeQueries({ predicate: (query) => !kept.includes(query.queryKey[0]) });
    },
  });
  return (
    <Card title={t("settings.session")} text={t("settings.session_text", { name: person.name })}>
      <Group>
        <Button
          variant="default"
          loading={signOut.isPending}
          leftSection={<IconLogout size={18} aria-hidden />}
          onClick={() => signOut.mutate()}
        >
          {t("settings.sign_out")}
        </Button>
      </Group>
    </Card>
  );
}
