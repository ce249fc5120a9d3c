// Says that there is a poll, to who has neither answered it nor put it off.
import { IconChartBar } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { unanswered, type Tools } from "./tools";

export function PollNotice({ tools, show }: { tools: Tools; show: () => void }) {
  const { t } = useTranslation("meet");
  const [later, setLater] = useState<string[]>([]);
  const poll = unanswered(tools.view?.polls ?? []).find((one) => !later.includes(one.id));
  if (!poll) return null;
  const putOff = () => setLater([...later, poll.id]);
  return (
    <div className="hint-card" role="alertdialog" aria-label={t("tools.asks", { name: poll.asked_by })}>
      <p className="with-icon">
        <IconChartBar size={18} aria-hidden />
        {t("tools.asks", { name: poll.asked_by })}
      </p>
      <p className="poll-question">{poll.question}</p>
      <div className="row">
        <button type="button" onClick={putOff}>
          {t("tools.later")}
        </button>
        <button
          type="button"
          className="primary"
          onClick={() => {
            putOff();
            show();
          }}
        >
          {t("tools.answer_it")}
        </button>
      </div>
    </div>
  );
}
