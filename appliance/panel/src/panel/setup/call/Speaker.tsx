// Whether this device can be heard: only a person knows.
import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { IconCircleCheck, IconVolume } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { playChime } from "../../../chime";

export function Speaker() {
  const { t } = useTranslation("setup");
  const [played, setPlayed] = useState(false);
  const [playing, setPlaying] = useState(false);
  const [heard, setHeard] = useState<boolean | null>(null);
  const play = async () => {
    setPlaying(true);
    setHeard(null);
    await playChime().catch(() => undefined);
    setPlaying(false);
    setPlayed(true);
  };
  return (
    <Stack gap="sm">
      <Title order={3} size="h5">
        {t("call.speaker")}
      </Title>
      <Group gap="sm">
        <Button
          variant="default"
          leftSection={<IconVolume size={18} aria-hidden />}
          loading={playing}
          onClick={() => void play()}
        >
          {t("call.chime")}
        </Button>
        {played && heard !== true && (
          <>
            <Button variant="light" onClick={() => setHeard(true)}>
              {t("call.chime_yes")}
            </Button>
            <Button variant="subtle" color="gray" onClick={() => setHeard(false)}>
              {t("call.chime_no")}
            </Button>
          </>
        )}
      </Group>
      <Group gap={6} wrap="nowrap" role="status">
        {heard === true && (
          <IconCircleCheck size={18} color="var(--plot-line)" aria-hidden style={{ flex: "none" }} />
        )}
        {heard !== null && <Text size="sm">{t(heard ? "call.chime_good" : "call.chime_bad")}</Text>}
      </Group>
    </Stack>
  );
}
