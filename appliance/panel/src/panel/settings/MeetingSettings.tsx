import { NumberInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Settings } from "../../api/schema";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { SetByFleet } from "./SetByFleet";
import { NARROW } from "./narrow";
import { useSection } from "./form";

const FIELDS = [
  { name: "max_participants", suffix: "", min: 0 },
  { name: "empty_timeout_s", suffix: " s", min: 0 },
  { name: "departure_timeout_s", suffix: " s", min: 0 },
] as const satisfies { name: keyof Settings["meeting"]; suffix: string; min: number }[];

export function MeetingSettings({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "meeting");
  return (
    <Card title={t("settings.meeting")} text={t("settings.meeting_text")}>
      <SetByFleet section="meeting" />
      <form
        onSubmit={form.onSubmit((changed) => save.mutate(changed))}
        style={{ display: "grid", gap: 16 }}
      >
        {FIELDS.map(({ name, suffix, min }) => (
          <NumberInput
            key={name}
            label={t(`settings.${name}`)}
            description={t(`settings.${name}_text`)}
            suffix={suffix}
            min={min}
            allowDecimal={false}
            styles={NARROW}
            value={form.values[name]}
            onChange={(value) => form.setValues({ [name]: Number(value) })}
          />
        ))}
        <SaveBar {...bar} />
      </form>
    </Card>
  );
}
