// Tiles: a grid with pages, or one large tile with a strip of the others.
import {
  isTrackReference,
  useTracks,
  type TrackReferenceOrPlaceholder,
} from "@livekit/components-react";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { Track } from "livekit-client";
import { useEffect, useRef, useState, type CSSProperties, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import {
  gridShape,
  pageOf,
  stableOrder,
  stageKey,
  tilesOnPage,
  type Candidate,
  type View,
} from "./layout";
import { useKnocking } from "./lobby";
import { Tile } from "./Tile";

/** Space between tiles, as in meet.css. */
const GAP = 8;

export function Stage({ view }: { view: View }) {
  const { t } = useTranslation("meet");
  const host = useRef<HTMLElement>(null);
  const size = useSize(host);
  const [pinned, setPinned] = useState<string | null>(null);
  const [page, setPage] = useState(0);
  const knocking = useKnocking();
  const tracks = useTracks(
    [
      { source: Track.Source.Camera, withPlaceholder: true },
      { source: Track.Source.ScreenShare, withPlaceholder: false },
    ],
    { onlySubscribed: false },
  ).filter((track) => !knocking.includes(track.participant));
  const most = tilesOnPage(size.width, size.height);
  const candidates = tracks.map(candidateOf);
  const [order, setOrder] = useState<string[]>([]);
  const wanted = stableOrder(order, candidates, most);
  if (wanted.join("|") !== order.join("|")) setOrder(wanted);
  const staged = stageKey(candidates, view, pinned);
  const large = tracks.find((track) => keyOf(track) === staged);
  const rest = wanted
    .filter((key) => key !== staged)
    .map((key) => tracks.find((track) => keyOf(track) === key))
    .filter((track) => track !== undefined);
  const { items, pages, page: shown } = pageOf(rest, page, most);
  const pin = (track: TrackReferenceOrPlaceholder) => {
    const key = keyOf(track);
    setPinned(pinned === key ? null : key);
  };
  const tile = (track: TrackReferenceOrPlaceholder, isLarge = false) => (
    <li key={keyOf(track)} className="place">
      <Tile
        track={track}
        large={isLarge}
        pinned={pinned === keyOf(track)}
        pin={() => pin(track)}
      />
    </li>
  );

  if (large) {
    return (
      <main ref={host} className="stage speaker">
        <ul className="large" aria-label={t("stage.large")}>
          {tile(large, true)}
        </ul>
        {rest.length > 0 && (
          <ul className="film-strip" aria-label={t("stage.others")}>
            {rest.map((track) => tile(track))}
          </ul>
        )}
      </main>
    );
  }

  const shape = gridShape(items.length, size.width, size.height);
  const width = Math.min(
    (size.width - GAP * (shape.columns - 1)) / shape.columns,
    ((size.height - GAP * (shape.rows - 1)) / shape.rows) * (16 / 9),
  );
  return (
    <main ref={host} className="stage grid">
      <ul
        className="tiles"
        aria-label={t("stage.people")}
        style={{ "--tile": `${Math.max(96, Math.floor(width))}px`, "--columns": shape.columns } as CSSProperties}
      >
        {items.map((track) => tile(track))}
      </ul>
      {tracks.length === 1 && <p className="alone">{t("stage.alone")}</p>}
      {pages > 1 && (
        <nav className="pages" aria-label={t("stage.pages")}>
          <button
            type="button"
            className="round small"
            aria-label={t("stage.previous")}
            disabled={shown === 0}
            onClick={() => setPage(shown - 1)}
          >
            <IconChevronLeft aria-hidden />
          </button>
          <span>
            {shown + 1} / {pages}
          </span>
          <button
            type="button"
            className="round small"
            aria-label={t("stage.next")}
            disabled={shown === pages - 1}
            onClick={() => setPage(shown + 1)}
          >
            <IconChevronRight aria-hidden />
          </button>
        </nav>
      )}
    </main>
  );
}

function candidateOf(track: TrackReferenceOrPlaceholder): Candidate {
  return {
    key: keyOf(track),
    isScreen: track.source === Track.Source.ScreenShare,
    isLocal: track.participant.isLocal,
    spokeAt: track.participant.lastSpokeAt?.getTime() ?? 0,
  };
}

function keyOf(track: TrackReferenceOrPlaceholder): string {
  const publication = isTrackReference(track) ? track.publication.trackSid : "";
  return track.source === Track.Source.ScreenShare
    ? `${track.participant.identity} screen ${publication}`
    : `${track.participant.identity} camera`;
}

function useSize(host: RefObject<HTMLElement | null>): { width: number; height: number } {
  const [size, setSize] = useState({ width: 640, height: 360 });
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
    // The stage changes its element with the view.
  });
  return size;
}
