import { ActionIcon, Badge, Button, Code, Group, Stack, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { Ago } from "../parts/Ago";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { Card } from "./Card";
import { ShownOnce } from "./ShownOnce";

export function LivekitKeys() {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.livekitKeys, queryFn: api.keys });
  const [leaving, setLeaving] = useState<string | null>(null);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.livekitKeys });
  const create = useMutation({ mutationFn: api.createKey, onSuccess: refresh });
  const error = list.error ?? create.error;

  return (
    <Card title={t("livekit_keys.title")} text={t("livekit_keys.text")}>
      {error && <Failure error={error} />}
      {create.data && (
        <ShownOnce
          fields={[
            { label: t("livekit_keys.key"), value: create.data.key },
            { label: t("livekit_keys.secret"), value: create.data.secret },
          ]}
          done={create.reset}
        />
      )}
      {list.data && list.data.items.length > 0 && (
        <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {list.data.items.map((item) => (
            <Group key={item.key} component="li" justify="space-between" wrap="nowrap">
              <Stack gap={0} miw={0}>
                <Group gap="xs">
                  <Code>{item.key}</Code>
                  {item.dev && (
                    <Badge variant="light" color="orange" tt="none" className="state">
                      {t("livekit_keys.dev")}
                    </Badge>
                  )}
                </Group>
                <Text size="xs" c="dimmed">
                  {item.created_at ? (
                    <>
                      {t("rooms.created")} <Ago at={item.created_at} />
                    </>
                  ) : (
                    t("livekit_keys.built_in")
                  )}
                </Text>
              </Stack>
              <ActionIcon
                variant="default"
                size={40}
                disabled={item.dev}
                aria-label={t("delete_named", { name: item.key })}
                onClick={() => setLeaving(item.key)}
              >
                <IconTrash size={18} />
              </ActionIcon>
            </Group>
          ))}
        </Stack>
      )}
      {list.data?.items.length === 0 && <Text c="dimmed">{t("livekit_keys.none")}</Text>}
      <Group>
        <Button
          variant="default"
          loading={create.isPending}
          leftSection={<IconPlus size={18} aria-hidden />}
          onClick={() => create.mutate()}
        >
          {t("livekit_keys.create")}
        </Button>
      </Group>
      <Confirm
        opened={leaving !== null}
        close={() => setLeaving(null)}
        title={t("livekit_keys.delete_title")}
        text={t("livekit_keys.delete_text", { key: leaving })}
        action={t("delete")}
        run={() => api.deleteKey(leaving ?? "")}
        done={() => {
          void refresh();
          // A webhook that it signed needs another one.
          void cache.invalidateQueries({ queryKey: keys.webhooks });
        }}
      />
    </Card>
  );
}
