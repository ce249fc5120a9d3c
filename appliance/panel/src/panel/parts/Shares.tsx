// Links with which people without an account watch a recording.
import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCircleCheck, IconClockOff, IconDownload, IconLock, IconShare } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Recording, Share } from "../../api/schema";
import { useFormat } from "../wording";
import { useNow } from "../now";
import { Ago } from "./Ago";
import { Confirm } from "./Confirm";
import { Failure } from "./Failure";
import { ShareDialog } from "./ShareDialog";
import { StateBadge } from "./StateBadge";

const VALID = { icon: IconCircleCheck, color: "teal" } as const;
const EXPIRED = { icon: IconClockOff, color: "gray" } as const;

export function Shares({ recording }: { recording: Recording }) {
  const { t } = useTranslation("panel");
  const [making, make] = useDisclosure(false);
  const shares = useQuery({
    queryKey: keys.sharesOf(recording.id),
    queryFn: () => api.shares(recording.id),
  });
  if (recording.state === "empty") return null;
  const items = shares.data?.items ?? [];
  return (
    <Paper className="surface" p="md" component="section" aria-label={t("shares.title")}>
      <Group justify="space-between" align="flex-start">
        <Stack gap={0} flex="1 1 280px">
          <Title order={2} size="h4">
            {t("shares.title")}
          </Title>
          <Text c="dimmed" size="sm">
            {t("shares.text")}
          </Text>
        </Stack>
        <Button
          variant="default"
          leftSection={<IconShare size={18} aria-hidden />}
          onClick={make.open}
        >
          {t("shares.create")}
        </Button>
      </Group>
      {shares.error && <Failure error={shares.error} retry={() => void shares.refetch()} />}
      {shares.data && items.length === 0 && <Text mt="sm">{t("shares.none")}</Text>}
      {items.length > 0 && (
        <Stack gap="sm" mt="md" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {items.map((share) => (
            <li key={share.id}>
              <ShareRow share={share} />
            </li>
          ))}
        </Stack>
      )}
      <ShareDialog recording={recording} opened={making} close={make.close} />
    </Paper>
  );
}

function ShareRow({ share }: { share: Share }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const [asking, ask] = useDisclosure(false);
  const now = useNow();
  const expired = share.expired || Date.parse(share.expires_at) <= now;
  const when = format.dateTime(share.expires_at);
  return (
    <Group justify="space-between" gap="sm" className="share-row">
      <Stack gap={4} flex="1 1 240px" miw={0}>
        <Group gap="xs">
          <StateBadge
            look={expired ? EXPIRED : VALID}
            word={expired ? t("shares.expired") : t("shares.valid")}
          />
          <Text size="sm">{expired ? t("shares.was", { when }) : t("shares.until", { when })}</Text>
        </Group>
        <Group gap="md">
          <Text size="sm" c="dimmed">
            {share.opened === 0 ? (
              t("shares.opened_none")
            ) : (
              <>
                {t("shares.opened", { count: share.opened })}
                {share.opened_at && (
                  <>
                    , {t("shares.opened_last")} <Ago at={share.opened_at} />
                  </>
                )}
              </>
            )}
          </Text>
          {share.password && <Mark icon={IconLock} words={t("shares.with_password")} />}
          {share.download && <Mark icon={IconDownload} words={t("shares.with_download")} />}
        </Group>
      </Stack>
      <Button
        variant="subtle"
        color="red"
        size="xs"
        aria-label={t(expired ? "shares.remove_named" : "shares.revoke_named", {
          when: format.dateTime(share.created_at),
        })}
        onClick={ask.open}
      >
        {expired ? t("shares.remove") : t("shares.revoke")}
      </Button>
      <Confirm
        opened={asking}
        close={ask.close}
        title={t("shares.revoke_title")}
        text={t("shares.revoke_text")}
        action={t("shares.revoke")}
        run={() => api.revokeShare(share.id)}
        done={() => void cache.invalidateQueries({ queryKey: keys.shares })}
      />
    </Group>
  );
}

function Mark({ icon: Picture, words }: { icon: typeof IconLock; words: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Picture size={14} aria-hidden />
      <Text size="sm" c="dimmed">
        {words}
      </Text>
    </Group>
  );
}
