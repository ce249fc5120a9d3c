import { TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView } from "../../api/schema";
import { useHelp } from "./Applies";
import { Card } from "./Card";
import { SaveBar } from "./SaveBar";
import { NARROW } from "./narrow";

export function BoxName({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const help = useHelp();
  const cache = useQueryClient();
  const [name, setName] = useState(box.name);
  const save = useMutation({
    mutationFn: () => api.renameBox(name.trim()),
    onSuccess(changed) {
      cache.setQueryData(keys.box, changed);
      setName(changed.name);
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Card title={t("settings.box")}>
      <form onSubmit={submit} style={{ display: "grid", gap: 16 }}>
        <TextInput
          label={t("settings.box_name")}
          description={help("box.name", t("settings.box_name_text"))}
          styles={NARROW}
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <SaveBar
          dirty={name.trim() !== "" && name !== box.name}
          saving={save.isPending}
          saved={save.isSuccess}
          error={save.error}
          reset={() => setName(box.name)}
        />
      </form>
    </Card>
  );
}
