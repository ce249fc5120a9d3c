// What sighted people see out of the corner of an eye, said to screen readers.
import { useRoomContext, type ReceivedChatMessage } from "@livekit/components-react";
import {
  RoomEvent,
  Track,
  type Participant,
  type RemoteParticipant,
  type RemoteTrackPublication,
} from "livekit-client";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { awaitedBy, useKnocking, wasLetIn } from "./lobby";
import type { RecordingNow } from "./recording";

interface AnnouncerProps {
  recording: RecordingNow;
  moderator: boolean;
  message: ReceivedChatMessage | undefined;
}

export function Announcer({ recording, moderator, message }: AnnouncerProps) {
  const { t } = useTranslation("meet");
  const room = useRoomContext();
  const [said, say] = useState("");
  const [everRecorded, setEverRecorded] = useState(recording.on);
  if ((recording.on || recording.paused) && !everRecorded) setEverRecorded(true);

  useEffect(() => {
    const nameOf = (person: Participant | undefined) => person?.name || person?.identity || "?";
    // Who knocks is told of below, and has joined when let in.
    const joined = (person: RemoteParticipant) => {
      if (awaitedBy(person) === null) say(t("said.joined", { name: nameOf(person) }));
    };
    const left = (person: RemoteParticipant) => {
      if (awaitedBy(person) === null) say(t("said.left", { name: nameOf(person) }));
    };
    const changed = (what: Record<string, string>, person: Participant) => {
      if (!person.isLocal && wasLetIn(what, person)) say(t("said.joined", { name: nameOf(person) }));
    };
    const published = (publication: RemoteTrackPublication, person: RemoteParticipant) => {
      if (publication.source === Track.Source.ScreenShare) {
        say(t("said.shares", { name: nameOf(person) }));
      }
    };
    room.on(RoomEvent.ParticipantConnected, joined);
    room.on(RoomEvent.ParticipantDisconnected, left);
    room.on(RoomEvent.TrackPublished, published);
    room.on(RoomEvent.ParticipantAttributesChanged, changed);
    return () => {
      room.off(RoomEvent.ParticipantConnected, joined);
      room.off(RoomEvent.ParticipantDisconnected, left);
      room.off(RoomEvent.TrackPublished, published);
      room.off(RoomEvent.ParticipantAttributesChanged, changed);
    };
  }, [room, t]);

  const knocking = useKnocking();
  const newest = knocking.at(-1);
  const knocks =
    moderator && newest
      ? knocking.length === 1
        ? t("knocking.one", { name: newest.name || newest.identity })
        : t("knocking.many", { count: knocking.length })
      : "";

  const from = message?.from;
  const written =
    from && !from.isLocal
      ? t("said.message", { name: from.name || from.identity, text: message.message })
      : "";
  const over =
    recording.paused === null
      ? ""
      : recording.paused
        ? t("said.recording_paused")
        : t("said.recording_ended");
  const recorded = recording.on ? t("said.recording") : everRecorded ? over : "";

  return (
    <div className="only-heard">
      <p aria-live="polite">{said}</p>
      <p aria-live="polite">{written}</p>
      <p aria-live="polite">{recorded}</p>
      <p aria-live="polite">{knocks}</p>
    </div>
  );
}
