// The captions area, below the stage: it covers no face, and nothing jumps when a line comes or goes.
import type { Room } from "livekit-client";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  endOf,
  heard,
  lasting,
  nextFade,
  segmentOf,
  TOPIC,
  type Said,
  type Segment,
} from "./captions";

export interface CaptionsNow {
  /** Some have come in this meeting: there is something to switch. */
  there: boolean;
  on: boolean;
  turn: () => void;
  segments: Segment[];
  /** The newest line that will not change any more. */
  final: Segment | undefined;
}

export function useCaptions(room: Room): CaptionsNow {
  const [on, setOn] = useState(true);
  const [there, setThere] = useState(false);
  const [segments, setSegments] = useState<Segment[]>([]);
  const [final, setFinal] = useState<Segment>();

  useEffect(() => {
    let over = false;
    const take = (said: Said) => {
      if (over || said.text.trim() === "") {
        if (!over && said.final) setSegments((before) => heard(before, said, Date.now()));
        return;
      }
      setThere(true);
      setSegments((before) => heard(before, said, Date.now()));
      if (said.final) setFinal({ ...said, at: Date.now() });
    };
    room.registerTextStreamHandler(TOPIC, (reader, { identity }) => {
      const read = async () => {
        let text = "";
        const said = (): Said => {
          const { key, final, track } = segmentOf(reader.info.attributes, reader.info.id, identity);
          return { key, speaker: speakerOf(room, track, identity), text, final };
        };
        for await (const chunk of reader) {
          text += chunk;
          // Of a stream that grows nothing is certain before its end.
          take({ ...said(), final: false });
        }
        take(said());
      };
      read().catch(() => {
        // The stream broke off with its sender: what it said so far fades.
      });
    });
    return () => {
      over = true;
      room.unregisterTextStreamHandler(TOPIC);
    };
  }, [room]);

  useEffect(() => {
    const wait = nextFade(segments, Date.now());
    if (wait === null) return;
    const timer = setTimeout(() => setSegments((before) => lasting(before, Date.now())), wait);
    return () => clearTimeout(timer);
  }, [segments]);

  return { there, on, turn: () => setOn(!on), segments, final };
}

/** Whose voice it is: the program that transcribes is somebody else. */
function speakerOf(room: Room, track: string | null, sender: string): string {
  const people = [room.localParticipant, ...room.remoteParticipants.values()];
  const speaker =
    people.find((person) => track !== null && person.trackPublications.has(track)) ??
    people.find((person) => person.identity === sender);
  return speaker?.name || speaker?.identity || sender;
}

export function Captions({ captions }: { captions: CaptionsNow }) {
  const { t } = useTranslation("meet");
  if (!captions.there || !captions.on) return null;
  const { final } = captions;
  return (
    <section className="captions" aria-label={t("captions.title")}>
      <ul>
        {captions.segments.map((segment) => (
          <li key={`${segment.key} ${segment.at}`} className={segment.final ? undefined : "unsure"}>
            <strong>{segment.speaker}</strong> {endOf(segment.text)}
          </li>
        ))}
      </ul>
      {/* Read out once, when it is certain: guesses would be said over and over. */}
      <p className="only-heard" aria-live="polite">
        {final && t("captions.said", { name: final.speaker, text: final.text })}
      </p>
    </section>
  );
}
