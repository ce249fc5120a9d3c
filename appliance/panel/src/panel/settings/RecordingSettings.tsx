import { NumberInput, Select } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import type { Encoder, Layout, Settings } from "../../api/schema";
import { Confirm } from "../parts/Confirm";
import { ENCODERS, LAYOUTS } from "../parts/choices";
import { useHelp } from "./Applies";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { SetByFleet } from "./SetByFleet";
import { NARROW } from "./narrow";
import { useSection } from "./form";

const GIGABYTE = 1_000_000_000;

/** Fewer stay than before; 0: all. */
const fewer = (now: number, before: number) => now > 0 && (before === 0 || now < before);

export function RecordingSettings({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "recording");
  const help = useHelp();
  const { values } = form;
  const [asking, ask] = useDisclosure(false);
  const kept = settings.recording;
  // What the box does by itself later cannot be taken back: it is asked now.
  const takesMore =
    (values.overwrite_oldest && !kept.overwrite_oldest) ||
    fewer(values.keep_newest, kept.keep_newest) ||
    fewer(values.keep_newest_of_room, kept.keep_newest_of_room) ||
    (values.keep_days > 0 && (kept.keep_days === 0 || values.keep_days < kept.keep_days));
  return (
    <Card title={t("settings.recording")} text={t("settings.recording_text")}>
      <SetByFleet section="recording" />
      <form
        onSubmit={form.onSubmit((changed) => (takesMore ? ask.open() : save.mutate(changed)))}
        style={{ display: "grid", gap: 16 }}
      >
        <NumberInput
          label={t("settings.reserve")}
          description={help("recording.reserve_bytes", t("settings.reserve_text"))}
          suffix=" GB"
          min={0}
          decimalScale={1}
          styles={NARROW}
          value={values.reserve_bytes / GIGABYTE}
          onChange={(value) => form.setValues({ reserve_bytes: Math.round(Number(value) * GIGABYTE) })}
        />
        <Select
          label={t("settings.layout")}
          description={help("recording.layout", t("settings.layout_text"))}
          styles={NARROW}
          allowDeselect={false}
          data={LAYOUTS.map((value) => ({ value, label: t(`layout.${value}`) }))}
          value={values.layout}
          onChange={(value) => form.setValues({ layout: (value ?? "auto") as Layout })}
        />
        <Select
          label={t("render.encoder")}
          description={help("recording.encoder", t("render.encoder_text"))}
          styles={NARROW}
          allowDeselect={false}
          data={ENCODERS.map((value) => ({ value, label: t(`encoder.${value}`) }))}
          value={values.encoder}
          onChange={(value) => form.setValues({ encoder: (value ?? "auto") as Encoder })}
        />
        <NumberInput
          label={t("settings.resume_window")}
          description={help("recording.resume_window_s", t("settings.resume_window_text"))}
          suffix=" s"
          min={0}
          allowDecimal={false}
          styles={NARROW}
          value={values.resume_window_s}
          onChange={(value) => form.setValues({ resume_window_s: Number(value) })}
        />
        <NumberInput
          label={t("retention.keep_days")}
          description={help("recording.keep_days", t("retention.keep_days_text"))}
          suffix={` ${t("retention.days")}`}
          min={0}
          max={36_500}
          allowDecimal={false}
          styles={NARROW}
          value={values.keep_days}
          onChange={(value) => form.setValues({ keep_days: Number(value) })}
        />
        <NumberInput
          label={t("newest.keep")}
          description={help("recording.keep_newest", t("newest.keep_text"))}
          suffix={` ${t("newest.recordings")}`}
          min={0}
          max={1_000_000}
          allowDecimal={false}
          styles={NARROW}
          value={values.keep_newest}
          onChange={(value) => form.setValues({ keep_newest: Number(value) })}
        />
        <NumberInput
          label={t("newest.keep_room")}
          description={help("recording.keep_newest_of_room", t("newest.keep_room_text"))}
          suffix={` ${t("newest.recordings")}`}
          min={0}
          max={1_000_000}
          allowDecimal={false}
          styles={NARROW}
          value={values.keep_newest_of_room}
          onChange={(value) => form.setValues({ keep_newest_of_room: Number(value) })}
        />
        <Select
          label={t("retention.when_full")}
          description={help("recording.overwrite_oldest", t("retention.when_full_text"))}
          styles={NARROW}
          allowDeselect={false}
          data={[
            { value: "stop", label: t("retention.stop") },
            { value: "overwrite", label: t("retention.overwrite") },
          ]}
          value={values.overwrite_oldest ? "overwrite" : "stop"}
          onChange={(value) => form.setValues({ overwrite_oldest: value === "overwrite" })}
        />
        <SaveBar {...bar} />
      </form>
      <Confirm
        opened={asking}
        close={ask.close}
        title={t("retention.ask_title")}
        text={[
          values.keep_days > 0 && t("retention.ask_age", { count: values.keep_days }),
          values.keep_newest > 0 && t("newest.ask", { count: values.keep_newest }),
          values.keep_newest_of_room > 0 &&
            t("newest.ask_room", { count: values.keep_newest_of_room }),
          values.overwrite_oldest && t("retention.ask_full"),
          t("retention.ask_held"),
        ]
          .filter(Boolean)
          .join(" ")}
        action={t("retention.ask_go")}
        run={() => save.mutateAsync(values)}
      />
    </Card>
  );
}
