// Keys for programs that send into a room (OBS: WHIP) or watch it (WHEP).
import { ActionIcon, Badge, Button, Center, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconDeviceTv, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { NewWhipKey, WhipKey, WhipScope } from "../../api/schema";
import { ShownOnce } from "../settings/ShownOnce";
import { Ago } from "./Ago";
import { Confirm } from "./Confirm";
import { Failure } from "./Failure";
import { NameDialog } from "./NameDialog";

export function WhipKeys({ room }: { room: string }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.whipKeys(room), queryFn: () => api.whipKeys(room) });
  const [creating, setCreating] = useState<WhipScope | null>(null);
  const [fresh, setFresh] = useState<NewWhipKey | null>(null);
  const [leaving, setLeaving] = useState<WhipKey | null>(null);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.whipKeys(room) });

  return (
    <Paper className="surface" p="md" component="section">
      <Title order={2} size="h4">
        {t("whip.title")}
      </Title>
      <Text c="dimmed" size="sm" mt={4} mb="sm">
        {t("whip.text")}
      </Text>
      <Stack gap="md">
        {list.error && <Failure error={list.error} />}
        {fresh && <Fresh made={fresh} done={() => setFresh(null)} />}
        {list.data && list.data.items.length > 0 && (
          <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
            {list.data.items.map((item) => (
              <Row key={item.id} item={item} leave={() => setLeaving(item)} />
            ))}
          </Stack>
        )}
        {list.data?.items.length === 0 && <Text c="dimmed">{t("whip.none")}</Text>}
        <Group gap="sm">
          <Button
            variant="default"
            leftSection={<IconPlus size={18} aria-hidden />}
            onClick={() => setCreating("publish")}
          >
            {t("whip.create_publish")}
          </Button>
          <Button
            variant="default"
            leftSection={<IconDeviceTv size={18} aria-hidden />}
            onClick={() => setCreating("watch")}
          >
            {t("whip.create_watch")}
          </Button>
        </Group>
      </Stack>
      <NameDialog
        opened={creating !== null}
        close={() => setCreating(null)}
        title={creating === "watch" ? t("whip.create_watch") : t("whip.create_publish")}
        label={t("whip.name")}
        description={creating === "watch" ? t("whip.name_watch") : t("whip.name_publish")}
        action={t("rooms.create")}
        run={async (name) => {
          setFresh(await api.createWhipKey(room, name, creating ?? "publish"));
          await refresh();
        }}
      />
      <Confirm
        opened={leaving !== null}
        close={() => setLeaving(null)}
        title={t("whip.delete_title", { name: leaving?.name })}
        text={t("whip.delete_text")}
        action={t("whip.revoke")}
        run={() => api.deleteWhipKey(room, leaving?.id ?? "")}
        done={() => {
          if (fresh?.id === leaving?.id) setFresh(null);
          void refresh();
        }}
      />
    </Paper>
  );
}

function Row({ item, leave }: { item: WhipKey; leave: () => void }) {
  const { t } = useTranslation("panel");
  return (
    <Group component="li" justify="space-between" wrap="nowrap">
      <Stack gap={0} miw={0}>
        <Group gap="xs">
          <Text fw={500} truncate>
            <Name>{item.name}</Name>
          </Text>
          <Badge variant="light" tt="none" className="state">
            {t(`whip.scope.${item.scope}`)}
          </Badge>
        </Group>
        <Text size="xs" c="dimmed">
          {item.connected > 0 ? (
            t("whip.connected", { count: item.connected })
          ) : item.last_used_at ? (
            <>
              {t("api_tokens.used")} <Ago at={item.last_used_at} />
            </>
          ) : (
            t("api_tokens.unused")
          )}
        </Text>
      </Stack>
      <ActionIcon
        variant="default"
        size={40}
        aria-label={t("whip.revoke_named", { name: item.name })}
        onClick={leave}
      >
        <IconTrash size={18} />
      </ActionIcon>
    </Group>
  );
}

/** What OBS and players ask for, under the names that they use. */
function Fresh({ made, done }: { made: NewWhipKey; done: () => void }) {
  const { t } = useTranslation("panel");
  const publish = made.scope === "publish";
  const server = `${location.origin}/${publish ? "whip" : "whep"}`;
  return (
    <ShownOnce
      fields={[
        { label: publish ? t("whip.server") : t("whip.address"), value: server },
        { label: t("whip.token"), value: made.token },
      ]}
      done={done}
    >
      <Text size="sm">{publish ? t("whip.obs") : t("whip.player")}</Text>
      <Center>
        <div className="qr">
          <QRCodeSVG
            value={`${server}\n${made.token}`}
            size={184}
            level="M"
            title={t("whip.qr", { name: made.name })}
          />
        </div>
      </Center>
    </ShownOnce>
  );
}
