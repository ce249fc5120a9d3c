// Says that something was done, and takes it back for whoever did not mean it. Only for what the box can bring back as
// it was: everything else asks first (`Confirm`).
import { Button, Group, Text } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useReportFailure } from "./Failure";

/** Long enough to read it and to get there by the keyboard; it waits while somebody points at it or is in it. */
const SHOWN_MS = 12_000;

/** Ctrl+Z means what was done last. */
let newest: string | null = null;
let count = 0;

type TakeBack = () => unknown;

/** What it gives back withdraws the offer: there is nothing to take back any more. */
export function useUndo(): (text: string, undo: TakeBack) => () => void {
  const { t } = useTranslation("shared");
  return (text, undo) => {
    const id = `undo-${++count}`;
    newest = id;
    const message = <Undoable id={id} text={text} undo={undo} />;
    notifications.show({
      id,
      role: "status",
      message,
      autoClose: SHOWN_MS,
      closeButtonProps: { "aria-label": t("close") },
      // Of themselves they wait for the pointer alone.
      onFocusCapture: () => notifications.update({ id, message, autoClose: false }),
      onBlurCapture: () => notifications.update({ id, message, autoClose: SHOWN_MS }),
      onClose: () => {
        if (newest === id) newest = null;
      },
    });
    return () => notifications.hide(id);
  };
}

function Undoable({ id, text, undo }: { id: string; text: string; undo: TakeBack }) {
  const { t } = useTranslation("panel");
  const report = useReportFailure();
  const work = useMutation({
    mutationFn: async () => undo(),
    onSuccess() {
      const held = { onFocusCapture: undefined, onBlurCapture: undefined };
      notifications.update({ id, role: "status", message: t("undoing.done"), autoClose: 4_000, ...held });
    },
    onError(error) {
      notifications.hide(id);
      report(error);
    },
  });
  const take = () => {
    if (work.isIdle) work.mutate();
  };
  // Not while somebody types: there it means what was typed.
  useHotkeys([["mod+Z", () => newest === id && take()]]);
  return (
    <Group justify="space-between" wrap="nowrap" gap="sm">
      <Text size="sm" style={{ overflowWrap: "anywhere" }} miw={0}>
        {text}
      </Text>
      <Button
        size="xs"
        variant="default"
        flex="none"
        loading={work.isPending}
        aria-keyshortcuts="Control+Z Meta+Z"
        leftSection={<IconArrowBackUp size={16} aria-hidden />}
        onClick={take}
      >
        {t("undoing.do")}
      </Button>
    </Group>
  );
}
