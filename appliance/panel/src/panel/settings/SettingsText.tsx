// All settings as a text: taken along, and put in after a look at what would change.
import { Button, Group, Stack, Text, Textarea, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys";
import { importSettings, previewSettings, settingsText } from "../../api/settingsText";
import { Confirm } from "../parts/Confirm";
import { DropFile } from "../parts/DropFile";
import { Failure } from "../parts/Failure";
import { Card } from "./Card";
import { TextPreview } from "./TextPreview";

/** The box reads no longer ones. */
const LONGEST = 128 * 1024;

export function SettingsText() {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [text, setText] = useState("");
  const [tooLarge, setTooLarge] = useState(false);
  const [asks, dialog] = useDisclosure(false);
  const look = useMutation({ mutationFn: previewSettings });
  const preview = look.data;
  const put = (next: string) => {
    setText(next);
    setTooLarge(false);
    look.reset();
  };
  const choose = async (file: File) => {
    if (file.size > LONGEST) {
      put("");
      setTooLarge(true);
      return;
    }
    const chosen = await file.text();
    put(chosen);
    look.mutate(chosen);
  };
  const done = () => {
    put("");
    notifications.show({ message: t("texts.done") });
    void cache.invalidateQueries({ queryKey: keys.settings });
  };
  return (
    <Card title={t("texts.title")} text={t("texts.text")}>
      <Button
        component="a"
        href={settingsText()}
        variant="default"
        leftSection={<IconDownload size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("texts.take")}
      </Button>
      <Stack gap="sm">
        <Title order={3} size="h5">
          {t("texts.put")}
        </Title>
        <Text size="sm" c="dimmed">
          {t("texts.put_text")}
        </Text>
        <DropFile
          may
          accept=".toml,.yaml,.yml,.txt"
          drop={t("texts.drop")}
          choose={t("texts.choose")}
          send={(file) => void choose(file)}
        />
        <Textarea
          label={t("texts.pasted")}
          placeholder={t("texts.placeholder")}
          value={text}
          autosize
          minRows={4}
          maxRows={16}
          spellCheck={false}
          error={tooLarge && t("texts.too_large")}
          styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }}
          onChange={(event) => put(event.currentTarget.value)}
        />
        {look.error && <Failure error={look.error} />}
        {preview && <TextPreview preview={preview} />}
        <Group>
          <Button
            variant="default"
            loading={look.isPending}
            disabled={text.trim() === ""}
            onClick={() => look.mutate(text)}
          >
            {t("texts.look")}
          </Button>
          {preview && preview.changes.length > 0 && (
            <Button disabled={preview.problems.length > 0} onClick={dialog.open}>
              {t("texts.apply")}
            </Button>
          )}
        </Group>
      </Stack>
      {preview && (
        <Confirm
          opened={asks}
          close={dialog.close}
          title={t("texts.ask")}
          text={t("texts.ask_text", { count: preview.changes.length })}
          action={t("texts.apply")}
          run={() => importSettings(text, preview.of)}
          done={done}
        />
      )}
    </Card>
  );
}
