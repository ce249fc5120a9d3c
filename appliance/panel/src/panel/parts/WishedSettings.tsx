// Settings that a fleet wants, as a form: which, and with what value.
import { ActionIcon, Group, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { listed, missing, unlisted, VARIABLES, wantable, type Named } from "../../wish";
import { ENCODERS, LAYOUTS, MODES } from "./choices";
import { useSettingWords } from "./settingWords";

const CHOICES: Record<string, readonly string[]> = {
  "recording.layout": LAYOUTS,
  "recording.encoder": ENCODERS,
  "recorder.mode": MODES,
};

export function WishedSettings({ wanted, change }: { wanted: Named; change: (wanted: Named) => void }) {
  const { t } = useTranslation("panel");
  const words = useSettingWords();
  const settings = useQuery({ queryKey: keys.settings, queryFn: api.settings });
  const all = settings.data ? wantable(settings.data) : {};
  const without = (setting: string) =>
    Object.fromEntries(Object.entries(wanted).filter(([name]) => name !== setting));
  return (
    <Stack gap="sm">
      {Object.keys(wanted).map((setting) => (
        <Group key={setting} gap="xs" align="flex-end" wrap="nowrap">
          <Value setting={setting} value={wanted[setting]} change={(value) => change({ ...wanted, [setting]: value })} />
          <ActionIcon
            variant="default"
            size={36}
            aria-label={t("fleet.twin.remove_named", { name: words.name(setting) })}
            onClick={() => change(without(setting))}
          >
            <IconTrash size={18} />
          </ActionIcon>
        </Group>
      ))}
      <Select
        label={t("fleet.twin.add")}
        searchable
        value={null}
        data={missing(all, wanted).map((value) => ({ value, label: words.name(value) }))}
        onChange={(setting) => setting && change({ ...wanted, [setting]: all[setting] })}
      />
      <Text size="xs" c="dimmed">
        {t("fleet.twin.variables", { names: VARIABLES.join(", "), interpolation: { escapeValue: false } })}
      </Text>
    </Stack>
  );
}

interface ValueProps {
  setting: string;
  value: unknown;
  change: (value: unknown) => void;
}

function Value({ setting, value, change }: ValueProps) {
  const { t } = useTranslation("panel");
  const words = useSettingWords();
  const label = words.name(setting);
  const named = (value: string) => ({ value, label: words.value(setting, JSON.stringify(value)) });
  const fill = { style: { flex: 1, minWidth: 0 } };
  const choices = CHOICES[setting];
  if (choices) {
    return (
      <Select
        {...fill}
        label={label}
        allowDeselect={false}
        data={choices.map(named)}
        value={String(value)}
        onChange={(value) => value && change(value)}
      />
    );
  }
  if (typeof value === "boolean") {
    const data = ["true", "false"].map((value) => ({ value, label: words.value(setting, value) }));
    return (
      <Select
        {...fill}
        label={label}
        allowDeselect={false}
        data={data}
        value={String(value)}
        onChange={(value) => change(value === "true")}
      />
    );
  }
  if (typeof value === "number") {
    return (
      <NumberInput {...fill} label={label} min={0} allowDecimal={false} value={value} onChange={(value) => change(Number(value))} />
    );
  }
  if (Array.isArray(value)) {
    return (
      <TextInput
        {...fill}
        label={label}
        description={t("fleet.twin.separated")}
        defaultValue={listed(value)}
        onChange={(event) => change(unlisted(event.currentTarget.value))}
      />
    );
  }
  return (
    <TextInput
      {...fill}
      label={label}
      value={typeof value === "string" ? value : ""}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
