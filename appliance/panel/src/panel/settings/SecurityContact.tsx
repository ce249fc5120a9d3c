// Whom to tell of a weakness of the box.
import { Anchor, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Settings } from "../../api/schema";
import { useHelp } from "./Applies";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { SetByFleet } from "./SetByFleet";
import { useSection } from "./form";

export function SecurityContact({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "security");
  const help = useHelp();
  return (
    <Card title={t("security.title")} text={t("security.text")}>
      <SetByFleet section="security" />
      <form onSubmit={form.onSubmit(({ contact }) => save.mutate({ contact }))} style={{ display: "grid", gap: 16 }}>
        <TextInput
          label={t("security.contact")}
          description={help("security.contact", t("security.contact_text"))}
          placeholder="security@example.org"
          value={form.values.contact}
          onChange={(event) => form.setValues({ contact: event.currentTarget.value.trim() })}
        />
        {settings.security.contact !== "" && (
          <Anchor size="sm" href="/.well-known/security.txt" target="_blank" style={{ justifySelf: "start" }}>
            {t("security.read")}
          </Anchor>
        )}
        <SaveBar {...bar} />
      </form>
    </Card>
  );
}
