// What somebody may do, as a choice with a sentence on each.
import { Select, Stack, Text, type SelectProps } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Role } from "../../api/schema";

/** Those with fewer rights first: nobody becomes an owner by not looking. */
export const ROLES: Role[] = ["viewer", "moderator", "operator", "owner"];

interface RoleSelectProps extends Omit<SelectProps, "data" | "value" | "onChange"> {
  value: Role;
  /** The role with most rights that can be chosen. */
  most?: Role;
  change: (role: Role) => void;
}

export function RoleSelect({ value, most = "owner", change, ...rest }: RoleSelectProps) {
  const { t } = useTranslation("panel");
  const roles = ROLES.slice(0, ROLES.indexOf(most) + 1);
  return (
    <Select
      {...rest}
      data={roles.map((role) => ({ value: role, label: t(`people_page.role.${role}`) }))}
      value={value}
      allowDeselect={false}
      comboboxProps={{ width: 320, position: "bottom-start" }}
      renderOption={({ option }) => (
        <Stack gap={0}>
          <Text size="sm" fw={500}>
            {option.label}
          </Text>
          <Text size="xs" c="dimmed">
            {t(`people_page.may.${option.value as Role}`)}
          </Text>
        </Stack>
      )}
      onChange={(role) => {
        const chosen = roles.find((one) => one === role);
        if (chosen) change(chosen);
      }}
    />
  );
}
