// Recording is never one slip of a finger away: it is asked, and everybody sees it.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../api/client";
import { useRefusalText } from "../i18n/refusal";
import { Modal } from "./Modal";

interface RecordDialogProps {
  roomId: string;
  recording: boolean;
  close: () => void;
}

export function RecordDialog({ roomId, recording, close }: RecordDialogProps) {
  const { t } = useTranslation(["meet", "shared"]);
  const textOf = useRefusalText();
  const [wasRecording] = useState(recording);
  const [error, setError] = useState<unknown>(null);
  const [working, setWorking] = useState(false);
  const run = () => {
    setWorking(true);
    const work: Promise<unknown> = wasRecording
      ? api.stopRecording(roomId)
      : api.startRecording(roomId);
    work.then(close, (refusal: unknown) => {
      setError(refusal);
      setWorking(false);
    });
  };
  return (
    <Modal title={t(wasRecording ? "record_stop_title" : "record_title")} close={close}>
      <p>{t(wasRecording ? "record_stop_text" : "record_text")}</p>
      {error !== null && (
        <p className="error" role="alert">
          {textOf(error)}
        </p>
      )}
      <div className="row end">
        <button type="button" onClick={close}>
          {t("shared:cancel")}
        </button>
        <button type="button" className="danger" disabled={working} onClick={run} data-autofocus>
          {t(wasRecording ? "record_stop" : "record")}
        </button>
      </div>
    </Modal>
  );
}
