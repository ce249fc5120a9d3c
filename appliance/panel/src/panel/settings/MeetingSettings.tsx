import { NumberInput, Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Settings } from "../../api/schema";
import { useHelp } from "./Applies";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { SetByFleet } from "./SetByFleet";
import { NARROW } from "./narrow";
import type { Setting } from "./applies";
import { useSection } from "./form";

const FIELDS = [
  { name: "max_participants", key: "meeting.max_participants", suffix: "" },
  { name: "empty_timeout_s", key: "meeting.empty_timeout_s", suffix: " s" },
  { name: "departure_timeout_s", key: "meeting.departure_timeout_s", suffix: " s" },
] as const satisfies { name: keyof Settings["meeting"]; key: Setting; suffix: string }[];

export function MeetingSettings({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "meeting");
  const help = useHelp();
  return (
    <Card title={t("settings.meeting")} text={t("settings.meeting_text")}>
      <SetByFleet section="meeting" />
      <form
        onSubmit={form.onSubmit((changed) =>
          save.mutate({
            ...changed,
            file_types: endings(changed.file_types.join(" ")),
          }),
        )}
        style={{ display: "grid", gap: 16 }}
      >
        {FIELDS.map(({ name, key, suffix }) => (
          <NumberInput
            key={name}
            label={t(`settings.${name}`)}
            description={help(key, t(`settings.${name}_text`))}
            suffix={suffix}
            min={0}
            allowDecimal={false}
            styles={NARROW}
            value={form.values[name]}
            onChange={(value) => form.setValues({ [name]: Number(value) })}
          />
        ))}
        <NumberInput
          label={t("handouts.file_mb")}
          description={help("meeting.file_mb", t("handouts.file_mb_text"))}
          suffix=" MB"
          min={0}
          max={1_000}
          allowDecimal={false}
          styles={NARROW}
          value={form.values.file_mb}
          onChange={(value) => form.setValues({ file_mb: Number(value) })}
        />
        <Textarea
          label={t("handouts.types")}
          description={help("meeting.file_types", t("handouts.types_text"))}
          autosize
          minRows={1}
          value={form.values.file_types.join(" ")}
          disabled={form.values.file_mb === 0}
          onChange={(event) => form.setValues({ file_types: event.currentTarget.value.split(" ") })}
        />
        <SaveBar {...bar} />
      </form>
    </Card>
  );
}

/** Endings as people type them: with dots, commas, capitals. */
function endings(text: string): string[] {
  const words = text.toLowerCase().split(/[\s,;]+/);
  return [...new Set(words.map((word) => word.replace(/^\*?\./, "")).filter((word) => word !== ""))];
}
