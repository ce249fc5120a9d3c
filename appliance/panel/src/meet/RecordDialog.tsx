// Recording is never one slip of a finger away: it is asked, and everybody sees it.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../api/client";
import { useRefusalText } from "../i18n/refusal";
import { Modal } from "./Modal";
import type { RecordingNow } from "./recording";

interface RecordDialogProps {
  roomId: string;
  recording: RecordingNow;
  close: () => void;
}

export function RecordDialog({ roomId, recording, close }: RecordDialogProps) {
  const { t } = useTranslation(["meet", "shared"]);
  const textOf = useRefusalText();
  const [{ on, paused }] = useState(recording);
  const runs = on || paused === true;
  const [error, setError] = useState<unknown>(null);
  const [working, setWorking] = useState(false);
  const run = (work: Promise<unknown>) => {
    setWorking(true);
    work.then(close, (refusal: unknown) => {
      setError(refusal);
      setWorking(false);
    });
  };
  return (
    <Modal title={t(runs ? "record_stop_title" : "record_title")} close={close}>
      <p>{t(paused ? "record_paused_text" : runs ? "record_stop_text" : "record_text")}</p>
      {error !== null && (
        <p className="error" role="alert">
          {textOf(error)}
        </p>
      )}
      <div className="row end">
        <button type="button" onClick={close}>
          {t("shared:cancel")}
        </button>
        {runs && (
          <button
            type="button"
            disabled={working}
            onClick={() => run(api.pauseRecording(roomId, !paused))}
          >
            {t(paused ? "record_resume" : "record_pause")}
          </button>
        )}
        <button
          type="button"
          className="danger"
          disabled={working}
          onClick={() => run(runs ? api.stopRecording(roomId) : api.startRecording(roomId))}
          data-autofocus
        >
          {t(runs ? "record_stop" : "record")}
        </button>
      </div>
    </Modal>
  );
}
