import { NumberInput, Select } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Encoder, Layout, Settings } from "../../api/schema";
import { ENCODERS, LAYOUTS } from "../parts/choices";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { NARROW } from "./narrow";
import { useSection } from "./form";

const GIGABYTE = 1_000_000_000;

export function RecordingSettings({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "recording");
  const { values } = form;
  return (
    <Card title={t("settings.recording")} text={t("settings.recording_text")}>
      <form
        onSubmit={form.onSubmit((changed) => save.mutate(changed))}
        style={{ display: "grid", gap: 16 }}
      >
        <NumberInput
          label={t("settings.reserve")}
          description={t("settings.reserve_text")}
          suffix=" GB"
          min={0}
          decimalScale={1}
          styles={NARROW}
          value={values.reserve_bytes / GIGABYTE}
          onChange={(value) => form.setValues({ reserve_bytes: Math.round(Number(value) * GIGABYTE) })}
        />
        <Select
          label={t("settings.layout")}
          description={t("settings.layout_text")}
          styles={NARROW}
          allowDeselect={false}
          data={LAYOUTS.map((value) => ({ value, label: t(`layout.${value}`) }))}
          value={values.layout}
          onChange={(value) => form.setValues({ layout: (value ?? "auto") as Layout })}
        />
        <Select
          label={t("render.encoder")}
          description={t("render.encoder_text")}
          styles={NARROW}
          allowDeselect={false}
          data={ENCODERS.map((value) => ({ value, label: t(`encoder.${value}`) }))}
          value={values.encoder}
          onChange={(value) => form.setValues({ encoder: (value ?? "auto") as Encoder })}
        />
        <NumberInput
          label={t("settings.resume_window")}
          description={t("settings.resume_window_text")}
          suffix=" s"
          min={0}
          allowDecimal={false}
          styles={NARROW}
          value={values.resume_window_s}
          onChange={(value) => form.setValues({ resume_window_s: Number(value) })}
        />
        <SaveBar {...bar} />
      </form>
    </Card>
  );
}
