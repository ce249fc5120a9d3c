// What can be changed, as far as whoever looks may. Each card is saved on its own and says when it applies.
import { Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { AuditCard } from "../settings/AuditCard";
import { BackupCard } from "../settings/BackupCard";
import { BoxName } from "../settings/BoxName";
import { CertificatesCard } from "../settings/CertificatesCard";
import { DangerZone } from "../settings/DangerZone";
import { Encoders } from "../settings/Encoders";
import { FleetCard } from "../settings/FleetCard";
import { LivekitKeys } from "../settings/LivekitKeys";
import { MeetingSettings } from "../settings/MeetingSettings";
import { Mail } from "../settings/Mail";
import { Mqtt } from "../settings/Mqtt";
import { NetworkCard } from "../network/NetworkCard";
import { OidcCard } from "../settings/OidcCard";
import { PeopleCard } from "../settings/PeopleCard";
import { RecorderMode } from "../settings/RecorderMode";
import { RecordingSettings } from "../settings/RecordingSettings";
import { SecurityContact } from "../settings/SecurityContact";
import { TrustedList } from "../settings/TrustedList";
import { SettingsText } from "../settings/SettingsText";
import { Software } from "../settings/Software";
import { SupportCard } from "../settings/SupportCard";
import { Syslog } from "../settings/Syslog";
import { Targets } from "../settings/Targets";
import { Webhooks } from "../settings/Webhooks";
import { TurnSettings } from "../settings/TurnSettings";
import { useMay } from "../session";
import { SetupLink } from "../setup/SetupLink";

export function SettingsPage({ box }: { box: BoxView }) {
  const may = useMay();
  const { t } = useTranslation("panel");
  const settings = useQuery({ queryKey: keys.settings, queryFn: api.settings });
  return (
    <>
      <Heading title={t("nav.settings")} />
      <Stack gap="md" maw={760}>
        <BoxName box={box} />
        {may("run_people") && <PeopleCard />}
        {may("run_people") && <OidcCard />}
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
        <SetupLink />
        <Software box={box} />
        <NetworkCard />
        <CertificatesCard />
        {may("back_up") && <BackupCard />}
        {may("replace_settings") && <SettingsText />}
        <FleetCard />
        {may("see_audit") && <AuditCard />}
        {may("run_keys") && <LivekitKeys />}
        <Webhooks />
        <Mail />
        <Mqtt />
        <Syslog />
        {settings.data && (
          <>
            <TrustedList settings={settings.data} field="trusted_proxies" />
            <TrustedList settings={settings.data} field="framed_by" />
            <SecurityContact settings={settings.data} />
          </>
        )}
        <SupportCard />
        {may("reset") && <DangerZone box={box} />}
        <Text size="sm" c="dimmed">
          Roombox {box.version} · {box.id}
        </Text>
      </Stack>
    </>
  );
}
