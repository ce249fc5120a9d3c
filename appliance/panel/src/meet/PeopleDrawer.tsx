// Everybody here, with what the moderator can do.
import { useIsMuted, useIsSpeaking, useParticipants } from "@livekit/components-react";
import {
  IconMicrophone,
  IconMicrophoneOff,
  IconUserX,
  IconVideo,
  IconVideoOff,
  IconX,
} from "@tabler/icons-react";
import { Track, type Participant } from "livekit-client";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../api/client";
import { useRefusalText } from "../i18n/refusal";
import { initialsOf } from "./initials";

interface PeopleDrawerProps {
  roomId: string;
  moderator: boolean;
  close: () => void;
}

export function PeopleDrawer({ roomId, moderator, close }: PeopleDrawerProps) {
  const { t } = useTranslation(["meet", "shared"]);
  const textOf = useRefusalText();
  const people = useParticipants();
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
      <ul className="people">
        {people.map((person) => (
          <Row
            key={person.identity}
            person={person}
            mute={
              moderator && !person.isLocal
                ? () => attempt(api.muteParticipant(roomId, person.sid))
                : undefined
            }
            remove={
              moderator && !person.isLocal
                ? () => attempt(api.removeParticipant(roomId, person.sid))
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
  remove: (() => void) | undefined;
}

function Row({ person, mute, remove }: RowProps) {
  const { t } = useTranslation(["meet", "shared"]);
  const silent = useIsMuted({ participant: person, source: Track.Source.Microphone });
  const dark = useIsMuted({ participant: person, source: Track.Source.Camera });
  const speaking = useIsSpeaking(person);
  const [asking, setAsking] = useState(false);
  const name = person.name || person.identity;
  return (
    <li>
      <span className={speaking ? "face speaking" : "face"} aria-hidden>
        {initialsOf(name)}
      </span>
      <span className="who">
        {name}
        {person.isLocal && ` (${t("shared:you")})`}
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
            <span role="img" aria-label={silent ? t("microphone_is_off") : t("microphone_is_on")}>
              {silent ? <IconMicrophoneOff size={18} /> : <IconMicrophone size={18} />}
            </span>
            <span role="img" aria-label={dark ? t("camera_is_off") : t("camera_is_on")}>
              {dark ? <IconVideoOff size={18} /> : <IconVideo size={18} />}
            </span>
          </span>
          {mute && (
            <button
              type="button"
              className="round small"
              disabled={silent}
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
