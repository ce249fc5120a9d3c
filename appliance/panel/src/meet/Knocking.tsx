// What moderators see of the lobby: a notice over the meeting, and a list among the people.
import { IconCheck, IconDoorEnter, IconUserX } from "@tabler/icons-react";
import type { Participant } from "livekit-client";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../Name";
import type { Moderation } from "../api/moderation";
import { useRefusalText } from "../i18n/refusal";
import { initialsOf } from "./initials";
import { useKnocking } from "./lobby";

/** Lets people in and turns them away; the error is that of the last try. */
function useDoor(acts: Moderation) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const attempt = (work: () => Promise<unknown>) => {
    setError(null);
    setBusy(true);
    void work()
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return {
    error,
    busy,
    letIn: (people: Participant[]) =>
      attempt(async () => {
        // One after the other: who came first comes in first where not all fit.
        for (const person of people) await acts.letIn(person.sid);
      }),
    turnAway: (person: Participant) => attempt(() => acts.remove(person.sid)),
  };
}

export function KnockingNotice({ acts, show }: { acts: Moderation; show: () => void }) {
  const { t } = useTranslation("meet");
  const textOf = useRefusalText();
  const people = useKnocking();
  const door = useDoor(acts);
  const [first] = people;
  if (!first) return null;
  return (
    <section className="knocking-notice" aria-label={t("knocking.title")}>
      <IconDoorEnter aria-hidden />
      <p>
        {people.length === 1
          ? t("knocking.one", { name: first.name || first.identity })
          : t("knocking.many", { count: people.length })}
        {door.error !== null && (
          <span className="error" role="alert">
            {textOf(door.error)}
          </span>
        )}
      </p>
      <div className="row">
        <button type="button" onClick={show}>
          {t("knocking.show")}
        </button>
        <button
          type="button"
          className="primary"
          disabled={door.busy}
          onClick={() => door.letIn(people)}
        >
          {people.length === 1 ? t("knocking.let_in") : t("knocking.let_all_in")}
        </button>
      </div>
    </section>
  );
}

export function KnockingList({ acts }: { acts: Moderation }) {
  const { t } = useTranslation("meet");
  const textOf = useRefusalText();
  const people = useKnocking();
  const door = useDoor(acts);
  if (people.length === 0 && door.error === null) return null;
  return (
    <section className="knocking" aria-label={t("knocking.title")}>
      <header>
        <h3>
          {t("knocking.title")} <span className="quiet">{people.length}</span>
        </h3>
        {people.length > 1 && (
          <button type="button" disabled={door.busy} onClick={() => door.letIn(people)}>
            {t("knocking.let_all_in")}
          </button>
        )}
      </header>
      {door.error !== null && (
        <p className="error" role="alert">
          {textOf(door.error)}
        </p>
      )}
      <ul className="people">
        {people.map((person) => {
          const name = person.name || person.identity;
          return (
            <li key={person.identity}>
              <span className="face" aria-hidden>
                {initialsOf(name)}
              </span>
              <span className="who"><Name>{name}</Name></span>
              <button
                type="button"
                className="round small"
                disabled={door.busy}
                aria-label={t("knocking.turn_away_named", { name })}
                title={t("knocking.turn_away_named", { name })}
                onClick={() => door.turnAway(person)}
              >
                <IconUserX aria-hidden />
              </button>
              <button
                type="button"
                className="primary with-icon"
                disabled={door.busy}
                aria-label={t("knocking.let_in_named", { name })}
                onClick={() => door.letIn([person])}
              >
                <IconCheck size={18} aria-hidden />
                {t("knocking.let_in")}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
