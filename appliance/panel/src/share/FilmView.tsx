import { IconDownload, IconHourglass } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { regional } from "../regional";
import type { SharedFilm } from "../api/schema";
import { lastBegun, type Chapter } from "../film";
import { clock, dateTime } from "../format";

/** A player that was sent to a moment stands on a frame, maybe a little before it. */
const FRAME_MS = 50;
const KINDS = ["start", "turn", "continued", "resumed", "share", "marker"] as const;

interface FilmViewProps {
  link: string;
  film: SharedFilm;
  /** Where it begins, in seconds. */
  from: number;
  /** Asks for the link again; false: the box does not answer. */
  lookAgain: (at: number) => Promise<boolean>;
}

export function FilmView({ link, film, from, lookAgain }: FilmViewProps) {
  const { t, i18n } = useTranslation("share");
  const video = useRef<HTMLVideoElement>(null);
  const [at, setAt] = useState(0);
  const [stopped, setStopped] = useState(false);
  /** Where the player stopped last: at the same moment twice, it is not tried a third time. */
  const lost = useRef(-1);
  useEffect(() => {
    if (video.current && from > 0 && video.current.readyState === 0) video.current.currentTime = from;
  }, [from]);
  /** The link may have ended, its password be wanted again, or the connection be lost. */
  const lose = async (player: HTMLVideoElement, playing: boolean) => {
    const place = player.currentTime;
    const stuck = lost.current === place;
    lost.current = place;
    const there = await lookAgain(place);
    if (video.current !== player) return;
    if (stuck || !there) {
      setStopped(true);
      return;
    }
    setStopped(false);
    player.load();
    player.currentTime = place;
    // Some browsers want a press first.
    if (playing) player.play().catch(() => undefined);
  };
  const goOn = () => {
    lost.current = -1;
    // The button goes.
    video.current?.focus();
    if (video.current) void lose(video.current, true);
  };
  const when = (time: string) => dateTime(time, regional(i18n.language, navigator.languages));
  const chaptered = film.ready && film.chapters.length > 1;
  const seek = (ms: number) => {
    if (video.current) video.current.currentTime = ms / 1000;
  };

  return (
    <main className="shared">
      <header>
        <h1>{film.title}</h1>
        <p className="quiet">
          {t("recorded", { when: when(film.started_at) })} · {clock(film.duration_ms)}
        </p>
      </header>
      <div className={chaptered ? "watch chaptered" : "watch"}>
        {film.ready ? (
          <video
            ref={video}
            controls
            // Without the menu entry; what the box refuses is refused there.
            controlsList={film.download ? undefined : "nodownload"}
            preload="metadata"
            playsInline
            src={`${link}/film.mp4`}
            poster={film.poster ? `${link}/poster.jpg` : undefined}
            aria-label={film.title}
            onError={({ currentTarget: player }) => void lose(player, !player.paused)}
            onTimeUpdate={(event) => setAt(event.currentTarget.currentTime * 1000)}
          />
        ) : (
          <section className="card wide">
            <IconHourglass size={40} stroke={1.5} aria-hidden />
            <h2>{t("not_ready")}</h2>
            <p className="quiet">{t("not_ready_text")}</p>
          </section>
        )}
        {chaptered && <ChapterList film={film} at={at} seek={seek} />}
      </div>
      {stopped && (
        <section className="card wide" role="alert">
          <h2>{t("failed")}</h2>
          <p className="quiet">{t("failed_text")}</p>
          <button type="button" className="primary" onClick={goOn}>
            {t("open")}
          </button>
        </section>
      )}
      <footer>
        {film.ready && film.download && (
          <a className="primary" href={`${link}/film.mp4?download=1`}>
            <IconDownload size={18} aria-hidden />
            {t("download")}
          </a>
        )}
        <p className="quiet">{t("until", { when: when(film.expires_at) })}</p>
      </footer>
    </main>
  );
}

interface ChapterListProps {
  film: SharedFilm;
  at: number;
  seek: (ms: number) => void;
}

function ChapterList({ film, at, seek }: ChapterListProps) {
  const { t } = useTranslation("share");
  const current = lastBegun(film.chapters, at + FRAME_MS);
  const words = ({ kind, title }: { kind: string; title: string }) => {
    const known: Chapter["kind"] = KINDS.find((one) => one === kind) ?? "marker";
    return t(`kind.${known}`, { title });
  };
  return (
    <section className="card chapters">
      <h2>{t("chapters")}</h2>
      <ol aria-label={t("chapters")} tabIndex={0}>
        {film.chapters.map((chapter) => (
          <li key={chapter.from_us}>
            <button
              type="button"
              aria-current={chapter === current ? "true" : undefined}
              onClick={() => seek(chapter.from_us / 1000)}
            >
              <span>{words(chapter)}</span>
              <span className="quiet">{clock(chapter.from_us / 1000)}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
