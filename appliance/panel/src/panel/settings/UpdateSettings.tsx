import { Group, Switch, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Settings } from "../../api/schema";
import { useHelp } from "./Applies";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { SetByFleet } from "./SetByFleet";
import { useSection } from "./form";

const NIGHT = [
  { name: "night_from", key: "updates.night_from" },
  { name: "night_to", key: "updates.night_to" },
] as const;

export function UpdateSettings({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "updates");
  const help = useHelp();
  const { values } = form;
  return (
    <Card title={t("updates.settings.title")} text={t("updates.settings.text")}>
      <SetByFleet section="updates" />
      <form
        onSubmit={form.onSubmit((changed) => save.mutate(changed))}
        style={{ display: "grid", gap: 16 }}
      >
        <TextInput
          label={t("updates.settings.channel")}
          description={help("updates.channel", t("updates.settings.channel_text"))}
          placeholder="https://"
          type="url"
          value={values.channel}
          onChange={(event) => form.setValues({ channel: event.currentTarget.value.trim() })}
        />
        <Switch
          label={t("updates.settings.check_daily")}
          description={help("updates.check_daily")}
          checked={values.check_daily}
          onChange={(event) => form.setValues({ check_daily: event.currentTarget.checked })}
        />
        <Switch
          label={t("updates.settings.install_at_night")}
          description={help("updates.install_at_night", t("updates.settings.install_at_night_text"))}
          checked={values.install_at_night}
          onChange={(event) => form.setValues({ install_at_night: event.currentTarget.checked })}
        />
        {values.install_at_night && (
          <Group gap="md">
            {NIGHT.map(({ name, key }) => (
              <TextInput
                key={name}
                type="time"
                label={t(`updates.settings.${name}`)}
                description={help(key)}
                value={values[name]}
                onChange={(event) => form.setValues({ [name]: event.currentTarget.value })}
              />
            ))}
          </Group>
        )}
        <SaveBar {...bar} />
      </form>
    </Card>
  );
}
