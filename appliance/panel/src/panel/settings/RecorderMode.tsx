// What this box does: record, make films, or both.
import { Select, Switch } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { RecorderMode as Mode, Settings } from "../../api/schema";
import { MODES } from "../parts/choices";
import { useHelp } from "./Applies";
import { Card } from "./Card";
import { NARROW } from "./narrow";
import { SaveBar } from "./SaveBar";
import { SetByFleet } from "./SetByFleet";
import { useSection } from "./form";

const POWERS = [
  { name: "lends", key: "recorder.lends" },
  { name: "helps", key: "recorder.helps" },
] as const;

export function RecorderMode({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "recorder");
  const help = useHelp();
  return (
    <Card title={t("recorder.mode")} text={t("recorder.mode_text")}>
      <SetByFleet section="recorder" />
      <form
        onSubmit={form.onSubmit((changed) => save.mutate(changed))}
        style={{ display: "grid", gap: 16 }}
      >
        <Select
          aria-label={t("recorder.mode")}
          description={help("recorder.mode")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          styles={NARROW}
          allowDeselect={false}
          data={MODES.map((value) => ({ value, label: t(`recorder.${value}`) }))}
          value={form.values.mode}
          onChange={(value) => form.setValues({ mode: (value ?? "both") as Mode })}
        />
        {POWERS.map(({ name, key }) => (
          <Switch
            key={name}
            label={t(`recorder.${name}`)}
            description={help(key, t(`recorder.${name}_text`))}
            checked={form.values[name]}
            onChange={(event) => form.setValues({ [name]: event.currentTarget.checked })}
          />
        ))}
        <SaveBar {...bar} />
      </form>
    </Card>
  );
}
