// Whose box it is after a restore: asked, never guessed.
import { Radio, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { RestoreAs } from "../../api/schema";

interface WhoAfterProps {
  value: RestoreAs | null;
  choose: (value: RestoreAs) => void;
  /** Of the backup's box; null: nobody has looked into it yet. */
  name: string | null;
  /** The backup has the keys of its box. */
  keys: boolean;
}

export function WhoAfter({ value, choose, name, keys }: WhoAfterProps) {
  const { t } = useTranslation("panel");
  const becomes =
    name === null ? t("backup.claim.as_backup") : t("backup.restore.take_over", { name });
  const text = t("backup.restore.take_over_text");
  return (
    <Radio.Group
      label={t("backup.restore.as")}
      value={value}
      onChange={(chosen) => choose(chosen as RestoreAs)}
    >
      <Stack gap="sm" mt="xs">
        <Radio
          value="itself"
          label={t("backup.restore.itself")}
          description={t("backup.restore.itself_text")}
        />
        <Radio
          value="take_over"
          label={becomes}
          description={keys ? text : `${text} ${t("backup.restore.no_keys")}`}
        />
      </Stack>
    </Radio.Group>
  );
}
