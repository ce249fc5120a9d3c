// Groups of the provider, and what each makes of people.
import { ActionIcon, Button, Fieldset, Group, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { OidcSettings } from "../../api/schema";
import { RoleSelect } from "../parts/RoleSelect";

type Row = OidcSettings["roles"][number];

export function GroupRoles({ rows, change }: { rows: Row[]; change: (rows: Row[]) => void }) {
  const { t } = useTranslation("panel");
  const put = (at: number, row: Row) => change(rows.map((old, n) => (n === at ? row : old)));
  return (
    <Fieldset legend={t("oidc.groups")} p="sm">
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t("oidc.groups_text")}
        </Text>
        {rows.map((row, at) => (
          <Group key={at} gap="xs" align="flex-end">
            <TextInput
              label={t("oidc.group")}
              value={row.group}
              autoComplete="off"
              style={{ flex: "1 1 180px" }}
              onChange={(event) => put(at, { ...row, group: event.currentTarget.value })}
            />
            <RoleSelect
              w={150}
              label={t("oidc.role")}
              value={row.role}
              change={(role) => put(at, { ...row, role })}
            />
            <ActionIcon
              variant="default"
              size={36}
              aria-label={t("oidc.group_remove", { group: row.group })}
              onClick={() => change(rows.filter((_, n) => n !== at))}
            >
              <IconTrash size={18} />
            </ActionIcon>
          </Group>
        ))}
        <Group>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => change([...rows, { group: "", role: "viewer" }])}
          >
            {t("oidc.group_add")}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
