import { IconMovie } from "@tabler/icons-react";
import { fileAddress } from "../../api/client";
import type { Recording } from "../../api/schema";

export function Thumbnail({ recording }: { recording: Recording }) {
  const picture = recording.files.find((file) => file.kind === "thumbnail");
  return picture ? (
    <img
      className="thumbnail"
      src={fileAddress(recording.id, picture.name)}
      alt=""
      loading="lazy"
      decoding="async"
    />
  ) : (
    <div className="thumbnail" aria-hidden>
      <IconMovie size={28} stroke={1.4} />
    </div>
  );
}
