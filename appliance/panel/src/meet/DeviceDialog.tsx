// Change camera, microphone and loudspeaker during the meeting.
import { useMediaDeviceSelect } from "@livekit/components-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ContrastChoice } from "./ContrastChoice";
import { LanguageChoice } from "./LanguageChoice";
import { Modal } from "./Modal";

export function DeviceDialog({ close }: { close: () => void }) {
  const { t } = useTranslation("meet");
  return (
    <Modal title={t("devices")} close={close}>
      <div className="fields">
        <Choice kind="audioinput" label={t("microphone")} />
        <Choice kind="videoinput" label={t("camera")} />
        <Choice kind="audiooutput" label={t("loudspeaker")} />
      </div>
      <div className="row end">
        <ContrastChoice />
        <LanguageChoice />
      </div>
    </Modal>
  );
}

function Choice({ kind, label }: { kind: MediaDeviceKind; label: string }) {
  const { t } = useTranslation("meet");
  const [failed, setFailed] = useState(false);
  const { devices, activeDeviceId, setActiveMediaDevice } = useMediaDeviceSelect({
    kind,
    requestPermissions: false,
    onError: () => setFailed(true),
  });
  const named = devices.filter((device) => device.deviceId !== "");
  return (
    <label className="field">
      {label}
      <select
        value={activeDeviceId}
        disabled={named.length === 0}
        onChange={(event) => {
          setFailed(false);
          setActiveMediaDevice(event.currentTarget.value).catch(() => setFailed(true));
        }}
      >
        {named.length === 0 && <option value={activeDeviceId}>{t("before.no_device")}</option>}
        {named.map((device, at) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t("before.device", { number: at + 1 })}
          </option>
        ))}
      </select>
      {failed && <span className="error">{t("device_failed")}</span>}
    </label>
  );
}
