import { ActionIcon, Button, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { ApiToken, Me } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { useMay } from "../session";
import { useFormat } from "../wording";
import { Card } from "./Card";
import { ShownOnce } from "./ShownOnce";
import { TokenDialog } from "./TokenDialog";

export function ApiTokens({ me }: { me: Me }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const format = useFormat();
  const may = useMay();
  // Who runs people sees everybody's tokens.
  const people = useQuery({ queryKey: keys.people, queryFn: api.people, enabled: may("run_people") });
  const list = useQuery({ queryKey: keys.tokens, queryFn: api.tokens });
  const [creating, dialog] = useDisclosure(false);
  const [fresh, setFresh] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<ApiToken | null>(null);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.tokens });
  const facts = ({ role, person, expires_at }: ApiToken) => {
    const name = people.data?.items.find(({ id }) => id === person)?.name;
    return [
      t(`people_page.role.${role}`),
      person !== me.id && name !== undefined && t("api_tokens.of", { name }),
      expires_at !== null && t("api_tokens.until", { when: format.dateTime(expires_at) }),
    ].filter(Boolean);
  };

  return (
    <Card title={t("api_tokens.title")} text={t("api_tokens.text")}>
      {list.error && <Failure error={list.error} />}
      {fresh && (
        <ShownOnce
          fields={[{ label: t("api_tokens.token"), value: fresh }]}
          done={() => setFresh(null)}
        />
      )}
      {list.data && list.data.items.length > 0 && (
        <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {list.data.items.map((token) => (
            <Group key={token.id} component="li" justify="space-between" wrap="nowrap">
              <Stack gap={0} miw={0}>
                <Text fw={500} truncate>
                  <Name>{token.name}</Name>
                </Text>
                <Text size="xs" c="dimmed">
                  {facts(token).join(" · ")}
                  {" · "}
                  {token.last_used_at ? (
                    <>
                      {t("api_tokens.used")} <Ago at={token.last_used_at} />
                    </>
                  ) : (
                    t("api_tokens.unused")
                  )}
                </Text>
              </Stack>
              <ActionIcon
                variant="default"
                size={40}
                aria-label={t("delete_named", { name: token.name })}
                onClick={() => setLeaving(token)}
              >
                <IconTrash size={18} />
              </ActionIcon>
            </Group>
          ))}
        </Stack>
      )}
      {list.data?.items.length === 0 && <Text c="dimmed">{t("api_tokens.none")}</Text>}
      <Group>
        <Button
          variant="default"
          leftSection={<IconPlus size={18} aria-hidden />}
          onClick={dialog.open}
        >
          {t("api_tokens.create")}
        </Button>
      </Group>
      <TokenDialog
        role={me.role}
        opened={creating}
        close={dialog.close}
        made={(token) => {
          setFresh(token.token);
          void refresh();
        }}
      />
      <Confirm
        opened={leaving !== null}
        close={() => setLeaving(null)}
        title={t("api_tokens.delete_title", { name: leaving?.name })}
        text={t("api_tokens.delete_text")}
        action={t("delete")}
        run={() => api.deleteToken(leaving?.id ?? "")}
        done={() => void refresh()}
      />
    </Card>
  );
}
