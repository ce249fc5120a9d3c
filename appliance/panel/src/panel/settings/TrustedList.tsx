// Whom the box trusts at its doors: proxies who say for whom they ask, sites whose pages may frame its own.
import { Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Settings } from "../../api/schema";
import { useHelp } from "./Applies";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { SetByFleet } from "./SetByFleet";
import { useSection } from "./form";

const LISTS = {
  trusted_proxies: { key: "security.trusted_proxies", example: "10.1.0.7" },
  framed_by: { key: "security.framed_by", example: "https://lms.example.org" },
} as const;

interface TrustedListProps {
  settings: Settings;
  field: keyof typeof LISTS;
}

export function TrustedList({ settings, field }: TrustedListProps) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "security");
  const help = useHelp();
  return (
    <Card title={t(`trusted.${field}.title`)} text={t(`trusted.${field}.text`)}>
      <SetByFleet section="security" />
      <form
        onSubmit={form.onSubmit((values) => save.mutate({ [field]: entries(values[field]) }))}
        style={{ display: "grid", gap: 16 }}
      >
        <Textarea
          label={t(`trusted.${field}.list`)}
          description={help(LISTS[field].key, t(`trusted.${field}.list_text`))}
          placeholder={LISTS[field].example}
          autosize
          minRows={2}
          value={form.values[field].join("\n")}
          onChange={(event) => form.setValues({ [field]: event.currentTarget.value.split("\n") })}
        />
        <SaveBar {...bar} />
      </form>
    </Card>
  );
}

function entries(lines: string[]): string[] {
  return lines.map((line) => line.trim().replace(/\/$/, "")).filter((line) => line !== "");
}
