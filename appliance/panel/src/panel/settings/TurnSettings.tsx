// The relay of somebody else through which clients may come. Its secret is never shown again: what
// stands there is left as it is until another is typed.
import { PasswordInput, Switch, Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Settings } from "../../api/schema";
import { useHelp } from "./Applies";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { SetByFleet } from "./SetByFleet";
import { useSection } from "./form";

const HIDDEN = "(hidden)";

export function TurnSettings({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const { form, save, bar } = useSection(settings, "turn");
  const help = useHelp();
  const { values } = form;
  return (
    <Card title={t("turn.title")} text={t("turn.text")}>
      <SetByFleet section="turn" />
      <form
        onSubmit={form.onSubmit((changed) =>
          save.mutate({
            ...changed,
            urls: changed.urls.map((url) => url.trim()).filter((url) => url !== ""),
          }),
        )}
        style={{ display: "grid", gap: 16 }}
      >
        <Textarea
          label={t("turn.urls")}
          description={help("turn.urls", t("turn.urls_text"))}
          placeholder="turn:turn.example.org:3478?transport=udp"
          autosize
          minRows={1}
          value={values.urls.join("\n")}
          onChange={(event) => form.setValues({ urls: event.currentTarget.value.split("\n") })}
        />
        <PasswordInput
          label={t("turn.secret")}
          description={help("turn.secret", t("turn.secret_text"))}
          placeholder={values.secret === HIDDEN ? t("turn.secret_is_set") : ""}
          autoComplete="off"
          visibilityToggleButtonProps={{ "aria-label": t("turn.secret_show") }}
          value={values.secret === HIDDEN ? "" : values.secret}
          onChange={(event) => form.setValues({ secret: event.currentTarget.value })}
        />
        <Switch
          label={t("turn.relay_only")}
          description={help("turn.relay_only", t("turn.relay_only_text"))}
          checked={values.relay_only}
          onChange={(event) => form.setValues({ relay_only: event.currentTarget.checked })}
        />
        <SaveBar {...bar} />
      </form>
    </Card>
  );
}
