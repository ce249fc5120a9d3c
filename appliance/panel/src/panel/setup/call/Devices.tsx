// Camera and microphone of this device: seen, heard, chosen, and why not.
import { Alert, Anchor, Group, Select, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import type { LocalAudioTrack } from "livekit-client";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { useAttached } from "../../../meet/attached";
import { listenTo, useDevices, type Preview, type Trouble } from "../../../meet/devices";
import { browserKind } from "../../../meet/DeviceTrouble";

interface DevicesProps {
  audio: Preview<"audio">;
  video: Preview<"video">;
  chooseAudio: (id: string) => void;
  chooseVideo: (id: string) => void;
}

export function Devices({ audio, video, chooseAudio, chooseVideo }: DevicesProps) {
  const { t } = useTranslation("setup");
  return (
    <Stack gap="sm">
      <Title order={3} size="h5">
        {t("call.devices")}
      </Title>
      <CameraPicture preview={video} />
      {audio.track && <Level track={audio.track} />}
      <Why microphone={audio.trouble} camera={video.trouble} />
      <Group gap="sm" grow preventGrowOverflow={false}>
        <Choice kind="videoinput" label={t("call.camera")} known={video.track} choose={chooseVideo} />
        <Choice kind="audioinput" label={t("call.microphone")} known={audio.track} choose={chooseAudio} />
      </Group>
    </Stack>
  );
}

function CameraPicture({ preview: { track, trouble } }: { preview: Preview<"video"> }) {
  const { t } = useTranslation("setup");
  const video = useAttached(track);
  if (!track) {
    return (
      <div className="setup-preview none" role="status">
        {t(trouble ? "call.camera_none" : "call.camera_starting")}
      </div>
    );
  }
  return <video ref={video} className="setup-preview" aria-label={t("call.preview")} autoPlay muted playsInline />;
}

/** Somebody has spoken, and not only the room. */
const HEARD = 0.4;

function Level({ track }: { track: LocalAudioTrack }) {
  const { t } = useTranslation("setup");
  const bar = useRef<HTMLSpanElement>(null);
  const [heard, setHeard] = useState(false);
  useEffect(
    () =>
      listenTo(track.mediaStreamTrack, (level) => {
        if (bar.current) bar.current.style.transform = `scaleX(${level.toFixed(3)})`;
        if (level > HEARD) setHeard(true);
      }),
    [track],
  );
  return (
    <Stack gap={4}>
      <span className="setup-meter" role="img" aria-label={t("call.level")}>
        <span ref={bar} />
      </span>
      <Group gap={6} role="status">
        {heard && <IconCircleCheck size={18} color="var(--plot-line)" aria-hidden />}
        <Text size="sm">{t(heard ? "call.heard" : "call.speak")}</Text>
      </Group>
    </Stack>
  );
}

function Why({ microphone, camera }: { microphone: Trouble | null; camera: Trouble | null }) {
  const { t } = useTranslation("setup");
  const trouble = microphone ?? camera;
  if (trouble === null) return null;
  const which = t(microphone && camera ? "trouble.both" : microphone ? "call.microphone" : "call.camera");
  return (
    <Alert color="orange" role="alert" icon={<IconAlertTriangle size={20} aria-hidden />}>
      <Stack gap={4}>
        <Text size="sm" fw={600}>
          {t(`trouble.${trouble}.what`, { which })}
        </Text>
        {trouble === "insecure" ? (
          <Anchor component={Link} underline="always" href="/setup/certificate" size="sm">
            {t("call.insecure_way")}
          </Anchor>
        ) : (
          <Text size="sm">
            {trouble === "refused" ? t(`trouble.refused.${browserKind()}`) : t(`trouble.${trouble}.now`)}
          </Text>
        )}
      </Stack>
    </Alert>
  );
}

interface ChoiceProps {
  kind: MediaDeviceKind;
  label: string;
  known: { mediaStreamTrack: MediaStreamTrack } | null;
  choose: (id: string) => void;
}

function Choice({ kind, label, known, choose }: ChoiceProps) {
  const { t } = useTranslation("setup");
  const devices = useDevices(kind, known !== null);
  const now = known?.mediaStreamTrack.getSettings().deviceId ?? null;
  if (devices.length < 2) return null;
  return (
    <Select
      label={label}
      data={devices.map(({ deviceId, label: name }, at) => ({
        value: deviceId,
        label: name || t("call.device", { number: at + 1 }),
      }))}
      value={now}
      allowDeselect={false}
      onChange={(id) => id && choose(id)}
      miw={200}
    />
  );
}
