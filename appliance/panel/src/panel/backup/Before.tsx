// A backup was restored: what was before can be brought back for a while.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Backups } from "../../api/schema";
import { Confirm } from "../parts/Confirm";
import { useFormat } from "../wording";

interface BeforeProps {
  note: NonNullable<Backups["restored"]>;
  until: string | null;
}

export function Before({ note, until }: BeforeProps) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const [asking, setAsking] = useState<"undo" | "forget" | null>(null);
  const look = () => void cache.invalidateQueries({ queryKey: keys.backups });
  return (
    <Alert
      color="blue"
      icon={<IconHistory size={20} aria-hidden />}
      title={note.undone ? t("backup.before.title_undone") : t("backup.before.title")}
    >
      <Stack gap="sm" align="flex-start">
        <Text size="sm">
          {t(note.undone ? "backup.before.text_undone" : "backup.before.text", {
            name: note.box_name,
            made: format.dateTime(note.made_at),
            when: format.dateTime(note.at),
          })}{" "}
          {until === null
            ? t("backup.before.uncounted")
            : t("backup.before.until", { until: format.dateTime(until) })}
        </Text>
        <Group gap="sm">
          <Button size="xs" onClick={() => setAsking("undo")}>
            {t("backup.before.undo")}
          </Button>
          <Button size="xs" variant="default" onClick={() => setAsking("forget")}>
            {t("backup.before.forget")}
          </Button>
        </Group>
      </Stack>
      <Confirm
        opened={asking === "undo"}
        close={() => setAsking(null)}
        title={t("backup.before.undo_title")}
        text={t("backup.before.undo_text")}
        action={t("backup.before.undo")}
        run={api.undoRestore}
        password
        done={look}
      />
      <Confirm
        opened={asking === "forget"}
        close={() => setAsking(null)}
        title={t("backup.before.forget_title")}
        text={t("backup.before.forget_text")}
        action={t("backup.before.forget")}
        run={api.forgetRestore}
        done={look}
      />
    </Alert>
  );
}
