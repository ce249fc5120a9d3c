// Where tiles go. Pure: sizes and counts in, a shape out.

export interface Shape {
  columns: number;
  rows: number;
}

const TILE_RATIO = 16 / 9;

/** The shape in which `count` tiles of 16:9 become largest in a box of this size. */
export function gridShape(count: number, width: number, height: number): Shape {
  let best: Shape = { columns: 1, rows: Math.max(1, count) };
  let bestWidth = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const shape = { columns, rows: Math.max(1, Math.ceil(count / columns)) };
    const tile = tileWidth(shape, width, height);
    // Between equal tiles: fewer empty places, then side by side.
    const equal = Math.abs(tile - bestWidth) <= 0.5;
    if (equal ? places(shape) <= places(best) : tile > bestWidth) {
      best = shape;
      bestWidth = tile;
    }
  }
  return best;
}

export function tileWidth({ columns, rows }: Shape, width: number, height: number): number {
  return Math.min(width / columns, (height / rows) * TILE_RATIO);
}

function places({ columns, rows }: Shape): number {
  return columns * rows;
}

/** A tile is never so small that a face cannot be read in it. */
const SMALLEST_TILE = 168;
const MOST_TILES = 25;

export function tilesOnPage(width: number, height: number): number {
  for (let count = MOST_TILES; count > 1; count -= 1) {
    if (tileWidth(gridShape(count, width, height), width, height) >= SMALLEST_TILE) return count;
  }
  return 1;
}

export function pageOf<T>(items: T[], page: number, size: number): { items: T[]; pages: number; page: number } {
  const pages = Math.max(1, Math.ceil(items.length / Math.max(1, size)));
  const shown = Math.min(Math.max(0, page), pages - 1);
  return { items: items.slice(shown * size, (shown + 1) * size), pages, page: shown };
}

export interface Candidate {
  key: string;
  isScreen: boolean;
  isLocal: boolean;
  /** Milliseconds since 1970 when this person last spoke; 0 is never. */
  spokeAt: number;
}

/**
 * The order of tiles. Everybody keeps their place while they are here; newcomers come last. Only
 * who speaks and is not on the first page changes places, with whom there was silent the longest.
 */
export function stableOrder(
  before: readonly string[],
  candidates: readonly Candidate[],
  firstPage: number,
): string[] {
  const known = new Map(candidates.map((each) => [each.key, each]));
  const kept = before.filter((key) => known.has(key));
  const fresh = candidates.map((each) => each.key).filter((key) => !kept.includes(key));
  const order = [...kept, ...fresh];
  const spokeAt = (key: string | undefined) => (key && known.get(key)?.spokeAt) || 0;

  for (let at = firstPage; at < order.length; at += 1) {
    const speaker = order[at];
    if (speaker === undefined || spokeAt(speaker) === 0) continue;
    let quietest: number | null = null;
    for (let place = 0; place < firstPage; place += 1) {
      const key = order[place];
      if (key === undefined || known.get(key)?.isLocal) continue;
      if (quietest === null || spokeAt(key) < spokeAt(order[quietest])) quietest = place;
    }
    if (quietest === null || spokeAt(order[quietest]) >= spokeAt(speaker)) continue;
    const silent = order[quietest];
    if (silent === undefined) continue;
    order[quietest] = speaker;
    order[at] = silent;
  }
  return order;
}

export type View = "grid" | "speaker";

/** Which tile fills the stage; null means a plain grid. A person's pin rules, then a screen. */
export function stageKey(candidates: Candidate[], view: View, pinned: string | null): string | null {
  if (pinned !== null && candidates.some((each) => each.key === pinned)) return pinned;
  const screens = candidates.filter((each) => each.isScreen);
  const screen = screens.find((each) => !each.isLocal) ?? screens[0];
  if (screen) return screen.key;
  if (view === "grid" || candidates.length < 2) return null;
  const others = candidates.filter((each) => !each.isLocal);
  const latest = others.reduce<Candidate | undefined>(
    (best, each) => (best === undefined || each.spokeAt > best.spokeAt ? each : best),
    undefined,
  );
  return latest?.key ?? null;
}
