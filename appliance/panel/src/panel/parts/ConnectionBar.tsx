// The quiet bar that says when the page is no longer live.
import { Group, Paper, Text } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLink } from "../../api/events";
import { useNow } from "../now";
import { useFormat } from "../wording";

/** A blink of the network is not worth a word. */
const PATIENCE_MS = 1_500;

export function ConnectionBar() {
  const link = useLink();
  return link.live ? null : <Gone key={link.lastHeard} lastHeard={link.lastHeard} />;
}

function Gone({ lastHeard }: { lastHeard: number | null }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const now = useNow();
  const [shown, show] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => show(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;

  const text =
    lastHeard === null
      ? t("link.never")
      : t("link.lost", {
          ago: format.relative(new Date(lastHeard).toISOString(), Math.max(now, lastHeard)),
        });
  return (
    <Paper className="surface page" mb="md" px="md" py="xs" role="status">
      <Group gap="sm" wrap="nowrap">
        <IconPlugConnectedX size={20} color="var(--plot-other)" aria-hidden />
        <Text size="sm">{text}</Text>
      </Group>
    </Paper>
  );
}
