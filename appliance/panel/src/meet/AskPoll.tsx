// A new poll: a question, answers, and who sees the counts when.
import { IconPlus, IconX } from "@tabler/icons-react";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { useRefusalText } from "../i18n/refusal";
import { Modal } from "./Modal";
import type { Tools } from "./tools";

const MOST = 10;

export function AskPoll({ tools, close }: { tools: Tools; close: () => void }) {
  const { t } = useTranslation(["meet", "shared"]);
  const textOf = useRefusalText();
  const [question, setQuestion] = useState("");
  const [answers, setAnswers] = useState([t("tools.yes"), t("tools.no")]);
  const [several, setSeveral] = useState(false);
  const [openCounts, setOpenCounts] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [working, setWorking] = useState(false);
  const written = answers.map((answer) => answer.trim()).filter((answer) => answer !== "");
  const twice = new Set(written).size < written.length;
  const whole = question.trim() !== "" && written.length >= 2 && !twice;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!whole) return;
    setWorking(true);
    tools.door
      .ask({ question: question.trim(), answers: written, several, open_counts: openCounts })
      .then(
        () => {
          tools.again();
          close();
        },
        (refusal: unknown) => {
          setError(refusal);
          setWorking(false);
        },
      );
  };
  const change = (place: number, text: string) =>
    setAnswers(answers.map((answer, one) => (one === place ? text : answer)));
  return (
    <Modal title={t("tools.ask")} close={close}>
      <form className="tool-form" onSubmit={submit}>
        <label>
          {t("tools.question")}
          <input
            value={question}
            maxLength={300}
            onChange={(event) => setQuestion(event.currentTarget.value)}
            data-autofocus
          />
        </label>
        <fieldset className="answers">
          <legend>{t("tools.answers")}</legend>
          {answers.map((answer, place) => (
            <div key={place} className="row">
              <input
                value={answer}
                maxLength={200}
                aria-label={t("tools.answer", { number: place + 1 })}
                onChange={(event) => change(place, event.currentTarget.value)}
              />
              {answers.length > 2 && (
                <button
                  type="button"
                  className="round small"
                  aria-label={t("tools.answer_remove", { number: place + 1 })}
                  onClick={() => setAnswers(answers.filter((_, one) => one !== place))}
                >
                  <IconX aria-hidden />
                </button>
              )}
            </div>
          ))}
          {answers.length < MOST && (
            <button type="button" className="with-icon" onClick={() => setAnswers([...answers, ""])}>
              <IconPlus size={18} aria-hidden />
              {t("tools.answer_add")}
            </button>
          )}
        </fieldset>
        {twice && <p className="error">{t("tools.answers_twice")}</p>}
        <label className="check">
          <input type="checkbox" checked={several} onChange={(event) => setSeveral(event.currentTarget.checked)} />
          {t("tools.several_ask")}
        </label>
        <label className="check">
          <input
            type="checkbox"
            checked={openCounts}
            onChange={(event) => setOpenCounts(event.currentTarget.checked)}
          />
          {t("tools.open_ask")}
        </label>
        <p className="quiet">{t("tools.secret")}</p>
        {error !== null && (
          <p className="error" role="alert">
            {textOf(error)}
          </p>
        )}
        <div className="row end">
          <button type="button" onClick={close}>
            {t("shared:cancel")}
          </button>
          <button type="submit" className="primary" disabled={!whole || working}>
            {t("tools.ask_all")}
          </button>
        </div>
      </form>
    </Modal>
  );
}
