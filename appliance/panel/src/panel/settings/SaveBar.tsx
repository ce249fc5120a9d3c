import { Button, Group, Text } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Failure } from "../parts/Failure";
import { Applies } from "./Applies";
import type { When } from "./applies";

export interface SaveBarProps {
  dirty: boolean;
  saving: boolean;
  saved: boolean;
  error: unknown;
  reset: () => void;
  /** When what is saved counts, where it is the same for all fields. */
  when?: When;
}

/** The end of a form: save, undo, what became of it. */
export function SaveBar({ dirty, saving, saved, error, reset, when }: SaveBarProps) {
  const { t } = useTranslation("panel");
  return (
    <>
      {error ? <Failure error={error} /> : null}
      {when && (
        <Text size="xs" c="dimmed" component="div">
          <Applies when={when} />
        </Text>
      )}
      <Group gap="sm" mih={36}>
        <Button type="submit" disabled={!dirty} loading={saving}>
          {t("save")}
        </Button>
        {dirty && (
          <Button variant="subtle" color="gray" onClick={reset}>
            {t("undo")}
          </Button>
        )}
        <Text size="sm" c="dimmed" role="status">
          {saved && !dirty && (
            <Group gap={4} component="span">
              <IconCheck size={16} aria-hidden />
              {t("saved")}
            </Group>
          )}
        </Text>
      </Group>
    </>
  );
}
