// Where somebody is signed in, and the end of it.
import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Session } from "../../api/schema";
import { deviceOf } from "../../device";
import { Ago } from "./Ago";
import { useReportFailure } from "./Failure";

interface SessionsProps {
  sessions: Session[];
  end: (id: string) => Promise<unknown>;
  ended: () => void;
}

export function Sessions({ sessions, end, ended }: SessionsProps) {
  const { t } = useTranslation("panel");
  if (sessions.length === 0) return <Text c="dimmed">{t("account.sessions_none")}</Text>;
  return (
    <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {sessions.map((session) => (
        <Row key={session.id} session={session} end={end} ended={ended} />
      ))}
    </Stack>
  );
}

function Row({ session, end, ended }: { session: Session } & Omit<SessionsProps, "sessions">) {
  const { t } = useTranslation("panel");
  const report = useReportFailure();
  const work = useMutation({ mutationFn: () => end(session.id), onSuccess: ended, onError: report });
  const device = deviceOf(session.agent) ?? t("account.session_unknown");
  return (
    <Group component="li" justify="space-between" wrap="nowrap">
      <Stack gap={0} miw={0}>
        <Text fw={500} title={session.agent ?? undefined} style={{ overflowWrap: "anywhere" }}>
          {device}
          {session.current && ` · ${t("account.session_here")}`}
        </Text>
        <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {session.address && `${session.address} · `}
          {t("account.session_seen")} <Ago at={session.last_seen_at} />
        </Text>
      </Stack>
      {!session.current && (
        <Button
          variant="default"
          size="compact-sm"
          style={{ flex: "none" }}
          loading={work.isPending}
          aria-label={t("account.session_end_named", { name: device })}
          onClick={() => work.mutate()}
        >
          {t("account.session_end")}
        </Button>
      )}
    </Group>
  );
}
