// A layout as a small drawing: quicker to understand than its name.
import type { Layout } from "../../api/schema";

type Box = [x: number, y: number, width: number, height: number];

const STRIP: Box[] = [
  [49, 2, 13, 8],
  [49, 12, 13, 8],
  [49, 22, 13, 8],
];
const FOUR: Box[] = [
  [2, 2, 29, 15],
  [33, 2, 29, 15],
  [2, 19, 29, 15],
  [33, 19, 29, 15],
];

/** The first box of those with a screen is the screen. */
const PICTURES: Record<Layout, { boxes: Box[]; screen: boolean }> = {
  auto: { boxes: [[2, 2, 29, 32], [33, 2, 29, 15], [33, 19, 29, 15]], screen: true },
  grid: { boxes: FOUR, screen: false },
  speaker: { boxes: [[2, 2, 45, 32], ...STRIP], screen: false },
  screen: { boxes: [[2, 2, 45, 32], ...STRIP], screen: true },
  single: { boxes: [[2, 2, 60, 32]], screen: false },
};

export function LayoutPicture({ layout }: { layout: Layout }) {
  const { boxes, screen } = PICTURES[layout];
  return (
    <svg className="layout-picture" viewBox="0 0 64 36" width={64} height={36} aria-hidden>
      <rect width={64} height={36} rx={3} className="layout-ground" />
      {boxes.map(([x, y, width, height], at) => (
        <g key={`${x} ${y}`}>
          <rect
            {...{ x, y, width, height }}
            rx={1.5}
            className={screen && at === 0 ? "layout-screen" : "layout-tile"}
          />
          {screen && at === 0 ? (
            <path d="M8 10h16M8 16h18M8 22h10" className="layout-text" />
          ) : (
            <circle
              cx={x + width / 2}
              cy={y + height / 2}
              r={Math.min(width, height) / 5}
              className="layout-head"
            />
          )}
        </g>
      ))}
    </svg>
  );
}
