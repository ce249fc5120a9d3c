// Polls of the meeting: answer, see how others did, and ask, if one moderates.
import { IconChartBar, IconDownload, IconTrash, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { MeetingPoll } from "../api/schema";
import { useRefusalText } from "../i18n/refusal";
import { AskPoll } from "./AskPoll";
import { pollsAsCsv, share, type Tools } from "./tools";

export function Polls({ tools, close }: { tools: Tools; close: () => void }) {
  const { t } = useTranslation(["meet", "shared"]);
  const textOf = useRefusalText();
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const attempt = (work: Promise<unknown>) => {
    setError(null);
    work.then(tools.again, setError);
  };
  const polls = tools.view?.polls ?? [];
  const moderates = tools.view?.moderates ?? false;
  return (
    <aside className="drawer" aria-label={t("tools.polls")}>
      <header>
        <h2>{t("tools.polls")}</h2>
        <button type="button" className="round small" aria-label={t("shared:close")} onClick={close}>
          <IconX aria-hidden />
        </button>
      </header>
      {error !== null && (
        <p className="error" role="alert">
          {textOf(error)}
        </p>
      )}
      {moderates && (
        <div className="for-all">
          <button type="button" className="primary with-icon" onClick={() => setAsking(true)}>
            <IconChartBar size={18} aria-hidden />
            {t("tools.ask")}
          </button>
          {polls.length > 0 && (
            <a className="button with-icon" download="polls.csv" href={csvOf(polls, t("tools.csv"))}>
              <IconDownload size={18} aria-hidden />
              {t("tools.save")}
            </a>
          )}
        </div>
      )}
      {polls.length === 0 ? (
        <p className="quiet drawer-empty">{t(moderates ? "tools.none_moderator" : "tools.none")}</p>
      ) : (
        <ul className="polls">
          {polls.map((poll) => (
            <Poll key={poll.id} poll={poll} tools={tools} moderates={moderates} attempt={attempt} />
          ))}
        </ul>
      )}
      {asking && <AskPoll tools={tools} close={() => setAsking(false)} />}
    </aside>
  );
}

function csvOf(polls: MeetingPoll[], header: string): string {
  const table = pollsAsCsv(polls, header.split("|"));
  // A byte order mark: spreadsheets take it for UTF-8 then.
  return `data:text/csv;charset=utf-8,${encodeURIComponent(`\uFEFF${table}`)}`;
}

interface PollProps {
  poll: MeetingPoll;
  tools: Tools;
  moderates: boolean;
  attempt: (work: Promise<unknown>) => void;
}

export function Poll({ poll, tools, moderates, attempt }: PollProps) {
  const { t } = useTranslation("meet");
  const { door } = tools;
  const [sure, setSure] = useState(false);
  // What was just chosen is shown at once, until the box says otherwise.
  const known = poll.mine.join();
  const [wish, setWish] = useState({ over: "", chosen: poll.mine });
  const mine = wish.over === known ? wish.chosen : poll.mine;
  const choose = (place: number) => {
    const others = poll.several ? mine.filter((one) => one !== place) : [];
    const chosen = poll.several && mine.includes(place) ? others : [...others, place];
    setWish({ over: known, chosen });
    const vote = door.vote(poll.id, chosen);
    vote.catch(() => setWish({ over: known, chosen: poll.mine }));
    attempt(vote);
  };
  return (
    <li className="poll">
      <p className="poll-question">{poll.question}</p>
      <p className="quiet">
        {[
          t(poll.running ? "tools.voters" : "tools.voters_over", { count: poll.voters }),
          poll.running && poll.several && t("tools.several"),
          poll.running && !poll.open_counts && t("tools.hidden"),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      <fieldset disabled={!poll.running}>
        <legend className="only-heard">{poll.question}</legend>
        {poll.answers.map((answer, place) => {
          const part = share(answer.votes, poll.voters);
          return (
            <label key={answer.text} className="poll-answer">
              <input
                type={poll.several ? "checkbox" : "radio"}
                name={poll.id}
                checked={mine.includes(place)}
                onChange={() => choose(place)}
              />
              <span className="poll-text">{answer.text}</span>
              {answer.votes !== null && (
                <>
                  <span className="poll-votes">{t("tools.votes", { count: answer.votes, part })}</span>
                  <span className="poll-bar" aria-hidden>
                    <span style={{ width: `${part}%` }} />
                  </span>
                </>
              )}
            </label>
          );
        })}
      </fieldset>
      {moderates && (
        <div className="row end">
          {sure ? (
            <>
              <button type="button" onClick={() => setSure(false)}>
                {t("tools.keep")}
              </button>
              <button type="button" className="danger" onClick={() => attempt(door.remove(poll.id))}>
                {t("tools.remove_sure")}
              </button>
            </>
          ) : (
            <>
              <button
                type="button"
                className="round small"
                aria-label={t("tools.remove_named", { question: poll.question })}
                title={t("tools.remove_named", { question: poll.question })}
                onClick={() => setSure(true)}
              >
                <IconTrash aria-hidden />
              </button>
              <button type="button" onClick={() => attempt(door.setRunning(poll.id, !poll.running))}>
                {t(poll.running ? "tools.end" : "tools.reopen")}
              </button>
            </>
          )}
        </div>
      )}
    </li>
  );
}
