// Everybody here, with what the moderator can do.
import { useIsMuted, useIsSpeaking, useRoomContext } from "@livekit/components-react";
import {
  IconHandStop,
  IconMicrophone,
  IconMicrophoneOff,
  IconSpeakerphone,
  IconUserX,
  IconVideo,
  IconVideoOff,
  IconX,
} from "@tabler/icons-react";
import { Track, type Participant } from "livekit-client";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../Name";
import type { Moderation } from "../api/moderation";
import { useRefusalText } from "../i18n/refusal";
import { askToUnmute } from "./asking";
import { comerOf } from "./comer";
import { handsFirst, useHand } from "./hand";
import { initialsOf } from "./initials";
import { KnockingList } from "./Knocking";
import { usePeople } from "./lobby";

interface PeopleDrawerProps {
  /** What a moderator does; null: it is not for this person. */
  acts: Moderation | null;
  close: () => void;
}

export function PeopleDrawer({ acts, close }: PeopleDrawerProps) {
  const { t } = useTranslation(["meet", "shared"]);
  const textOf = useRefusalText();
  const room = useRoomContext();
  const people = handsFirst(usePeople());
  const loud = people.filter((person) => !person.isLocal && person.isMicrophoneEnabled);
  const [error, setError] = useState<unknown>(null);
  const attempt = (work: Promise<unknown>) => {
    setError(null);
    work.catch(setError);
  };
  return (
    <aside className="drawer" aria-label={t("people")}>
      <header>
        <h2>
          {t("people")} <span className="quiet">{people.length}</span>
        </h2>
        <button type="button" className="round small" aria-label={t("shared:close")} onClick={close}>
          <IconX aria-hidden />
        </button>
      </header>
      {error !== null && (
        <p className="error" role="alert">
          {textOf(error)}
        </p>
      )}
      {acts && <KnockingList acts={acts} />}
      {acts && people.length > 1 && (
        <div className="for-all">
          <button
            type="button"
            disabled={loud.length === 0}
            onClick={() =>
              attempt(Promise.all(loud.map((person) => acts.mute(person.sid))))
            }
          >
            <IconMicrophoneOff size={18} aria-hidden />
            {t("mute_all")}
          </button>
        </div>
      )}
      <ul className="people">
        {people.map((person) => (
          <Row
            key={person.identity}
            person={person}
            mute={
              acts && !person.isLocal
                ? () => attempt(acts.mute(person.sid))
                : undefined
            }
            ask={
              acts && !person.isLocal
                ? () => attempt(askToUnmute(room, person.identity))
                : undefined
            }
            remove={
              acts && !person.isLocal
                ? () => attempt(acts.remove(person.sid))
                : undefined
            }
          />
        ))}
      </ul>
    </aside>
  );
}

interface RowProps {
  person: Participant;
  mute: (() => void) | undefined;
  ask: (() => void) | undefined;
  remove: (() => void) | undefined;
}

function Row({ person, mute, ask, remove }: RowProps) {
  const { t } = useTranslation(["meet", "shared"]);
  const silent = useIsMuted({ participant: person, source: Track.Source.Microphone });
  const dark = useIsMuted({ participant: person, source: Track.Source.Camera });
  const speaking = useIsSpeaking(person);
  const raised = useHand(person) !== null;
  const [asking, setAsking] = useState(false);
  const [asked, setAsked] = useState(false);
  const name = person.name || person.identity;
  const came = comerOf(person.identity);
  return (
    <li>
      <span className={speaking ? "face speaking" : "face"} aria-hidden>
        {initialsOf(name)}
      </span>
      <span className="who">
        <Name>{name}</Name>
        {person.isLocal && ` (${t("shared:you")})`}
        {came && <span className="came">{t(`came.${came}`)}</span>}
      </span>
      {asking && remove ? (
        <span className="row">
          <button type="button" className="danger" onClick={remove}>
            {t("remove")}
          </button>
          <button type="button" onClick={() => setAsking(false)}>
            {t("shared:cancel")}
          </button>
        </span>
      ) : (
        <>
          <span className="states">
            {raised && (
              <span role="img" aria-label={t("hand_is_up")} className="hand-up">
                <IconHandStop size={18} />
              </span>
            )}
            <span role="img" aria-label={silent ? t("microphone_is_off") : t("microphone_is_on")}>
              {silent ? <IconMicrophoneOff size={18} /> : <IconMicrophone size={18} />}
            </span>
            <span role="img" aria-label={dark ? t("camera_is_off") : t("camera_is_on")}>
              {dark ? <IconVideoOff size={18} /> : <IconVideo size={18} />}
            </span>
          </span>
          {ask && silent && (
            <button
              type="button"
              className="round small"
              disabled={asked}
              aria-label={t(asked ? "asked_named" : "ask_named", { name })}
              title={t(asked ? "asked_named" : "ask_named", { name })}
              onClick={() => {
                setAsked(true);
                ask();
              }}
            >
              <IconSpeakerphone aria-hidden />
            </button>
          )}
          {mute && !silent && (
            <button
              type="button"
              className="round small"
              aria-label={t("mute_named", { name })}
              title={t("mute_named", { name })}
              onClick={mute}
            >
              <IconMicrophoneOff aria-hidden />
            </button>
          )}
          {remove && (
            <button
              type="button"
              className="round small"
              aria-label={t("remove_named", { name })}
              title={t("remove_named", { name })}
              onClick={() => setAsking(true)}
            >
              <IconUserX aria-hidden />
            </button>
          )}
        </>
      )}
    </li>
  );
}
