// Starts the timer that everybody sees, or takes it away.
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { useRefusalText } from "../i18n/refusal";
import { Modal } from "./Modal";
import type { Tools } from "./tools";

const MINUTES = [1, 3, 5, 10, 15];
const LONGEST = 24 * 60;

export function TimerDialog({ tools, close }: { tools: Tools; close: () => void }) {
  const { t } = useTranslation(["meet", "shared"]);
  const textOf = useRefusalText();
  const [minutes, setMinutes] = useState("5");
  const [title, setTitle] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [working, setWorking] = useState(false);
  const runs = Boolean(tools.view?.timer);
  const seconds = Math.round(Number(minutes.replace(",", ".")) * 60);
  const fits = Number.isFinite(seconds) && seconds >= 5 && seconds <= LONGEST * 60;
  const run = (work: Promise<unknown>) => {
    setWorking(true);
    setError(null);
    work.then(close, (refusal: unknown) => {
      setError(refusal);
      setWorking(false);
    });
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (fits) run(tools.door.startTimer(seconds, title.trim()));
  };
  return (
    <Modal title={t("tools.timer")} close={close}>
      <form className="tool-form" onSubmit={submit}>
        <p className="quiet">{t("tools.timer_text")}</p>
        <div className="row" role="group" aria-label={t("tools.timer_minutes")}>
          {MINUTES.map((one) => (
            <button
              key={one}
              type="button"
              className="small-choice"
              aria-pressed={minutes === String(one)}
              onClick={() => setMinutes(String(one))}
            >
              {t("tools.minutes", { count: one })}
            </button>
          ))}
        </div>
        <label>
          {t("tools.timer_minutes")}
          <input
            inputMode="decimal"
            value={minutes}
            maxLength={6}
            aria-invalid={!fits}
            onChange={(event) => setMinutes(event.currentTarget.value)}
          />
        </label>
        {!fits && <p className="error">{t("tools.timer_range")}</p>}
        <label>
          {t("tools.timer_title")}
          <input
            value={title}
            maxLength={80}
            placeholder={t("tools.timer_title_hint")}
            onChange={(event) => setTitle(event.currentTarget.value)}
          />
        </label>
        {error !== null && (
          <p className="error" role="alert">
            {textOf(error)}
          </p>
        )}
        <div className="row end">
          {runs && (
            <button type="button" disabled={working} onClick={() => run(tools.door.endTimer())}>
              {t("tools.timer_remove")}
            </button>
          )}
          <button type="submit" className="primary" disabled={!fits || working} data-autofocus>
            {t(runs ? "tools.timer_again" : "tools.timer_start")}
          </button>
        </div>
      </form>
    </Modal>
  );
}
