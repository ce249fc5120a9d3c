// Software of the box: what runs, how an update goes, where one comes from, what became of others.
import { Alert, Skeleton, Stack } from "@mantine/core";
import { IconAlertTriangle, IconPackageOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Updates } from "../../api/schema";
import { Detail } from "../parts/Detail";
import { EmptyState } from "../parts/EmptyState";
import { Heading } from "../parts/Heading";
import { UpdateSettings } from "../settings/UpdateSettings";
import { History } from "../updates/History";
import { Now } from "../updates/Now";
import { Setback } from "../updates/Setback";
import { Slots } from "../updates/Slots";
import { Sources } from "../updates/Sources";
import { Support } from "../updates/Support";

export function UpdatesPage() {
  const updates = useQuery({ queryKey: keys.updates, queryFn: api.updates });
  return (
    <Detail of="settings" query={updates} height={480}>
      {(found) => <Found updates={found} />}
    </Detail>
  );
}

function Found({ updates }: { updates: Updates }) {
  const { t } = useTranslation("panel");
  const { version } = updates;
  const settings = useQuery({ queryKey: keys.settings, queryFn: api.settings });
  const lead = updates.confirmed ? "updates.lead" : "updates.lead_trying";
  return (
    <>
      <Heading title={t("updates.title")} lead={t(lead, { version })} />
      <Stack gap="md" maw={760}>
        {updates.setback && <Setback past={updates.setback} />}
        {updates.trouble !== null && (
          <Alert color="orange" icon={<IconAlertTriangle size={20} aria-hidden />}>
            {t("updates.trouble", { message: updates.trouble })}
          </Alert>
        )}
        {updates.available ? (
          <>
            <Now updates={updates} />
            <Support end={updates.support_end} />
            {updates.slots.length > 0 && <Slots updates={updates} />}
            <Sources updates={updates} />
            {settings.isPending && <Skeleton height={320} radius="lg" />}
            {settings.data && <UpdateSettings settings={settings.data} />}
          </>
        ) : (
          <EmptyState
            icon={IconPackageOff}
            title={t("updates.none")}
            text={t("updates.none_text")}
          />
        )}
        <History />
      </Stack>
    </>
  );
}
