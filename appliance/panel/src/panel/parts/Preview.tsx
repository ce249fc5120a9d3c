// What is at a moment of the film, shown before one goes there.
import { Text } from "@mantine/core";
import { Name } from "../../Name";
import { fileAddress } from "../../api/client";
import { filmMs, folderOf, lastBegun, type FilmIndex } from "../../film";
import { useFormat } from "../wording";

export interface Pointed {
  /** Pixels from the strip's left edge, and its width. */
  x: number;
  width: number;
  /** In the recording's time. */
  ms: number;
}

/** Half of a picture with its frame: it stays inside the strip. */
const HALF = 86;

interface PreviewProps {
  recording: string;
  index: FilmIndex;
  /** The index' own file name: what it speaks of lies beside it. */
  file: string;
  pointed: Pointed;
}

export function Preview({ recording, index, file, pointed }: PreviewProps) {
  const format = useFormat();
  const at = filmMs(index, pointed.ms);
  const { sprite } = index;
  const spot = sprite && lastBegun(sprite.spots, at);
  const chapter = lastBegun(index.chapters, at);
  return (
    <div className="preview" style={{ left: Math.max(HALF, Math.min(pointed.width - HALF, pointed.x)) }} aria-hidden>
      {sprite && spot && (
        <div
          className="preview-picture"
          style={{
            width: spot.width,
            height: spot.height,
            backgroundImage: `url("${fileAddress(recording, folderOf(file) + sprite.file)}")`,
            backgroundPosition: `-${spot.x}px -${spot.y}px`,
          }}
        />
      )}
      <Text size="xs" truncate maw={160}>
        {format.clock(at)}
        {chapter && <> · <Name>{chapter.title}</Name></>}
      </Text>
    </div>
  );
}
