// A page with one message: wrong link, left, ended, removed, turned away.
import { IconDoorExit, IconDoorOff, IconLinkOff, IconUserX } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

export type NoticeKind =
  | "no_room"
  | "left"
  | "ended"
  | "removed"
  | "turned_away"
  | "elsewhere"
  | "closed";

const PICTURES = {
  no_room: IconLinkOff,
  left: IconDoorExit,
  ended: IconDoorExit,
  removed: IconUserX,
  turned_away: IconDoorOff,
  elsewhere: IconDoorExit,
  closed: IconLinkOff,
} as const;

/** What the button says where it does not lead back into the meeting at once. */
const AGAIN: Partial<Record<NoticeKind, "notice.retry" | "notice.ask_again">> = {
  closed: "notice.retry",
  turned_away: "notice.ask_again",
};

interface NoticeProps {
  kind: NoticeKind;
  detail?: string | undefined;
  again?: (() => void) | undefined;
}

export function Notice({ kind, detail, again }: NoticeProps) {
  const { t } = useTranslation("meet");
  const Picture = PICTURES[kind];
  const title = t(`notice.${kind}.title`);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Roombox`;
    heading.current?.focus();
  }, [title]);
  return (
    <main className="card-page">
      <section className="card notice">
        <Picture size={40} stroke={1.5} aria-hidden />
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
        <p className="quiet">{detail ?? t(`notice.${kind}.text`)}</p>
        {again && (
          <button type="button" className="primary" onClick={again}>
            {t(AGAIN[kind] ?? "notice.again")}
          </button>
        )}
      </section>
    </main>
  );
}
