// The codecs of one room; applies to who joins or begins to send next.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "../../api/keys";
import { rooms } from "../../api/rooms";
import type { Room, VideoCodec } from "../../api/schema";
import { useReportFailure } from "../parts/Failure";
import { CodecField } from "./CodecField";

export function RoomCodecs({ room }: { room: Room }) {
  const cache = useQueryClient();
  const report = useReportFailure();
  // Shown at once; what the box says counts.
  const [asked, setAsked] = useState<VideoCodec[]>();
  const work = useMutation({
    mutationFn: (video_codecs: VideoCodec[]) => rooms.change(room.id, { video_codecs }),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.rooms }),
    onError: report,
    // What was chosen meanwhile is on its way.
    onSettled: (_room, _error, sent) => setAsked((now) => (now === sent ? undefined : now)),
  });
  return (
    <CodecField
      value={asked ?? room.rules.video_codecs}
      change={(codecs) => {
        // Not disabled meanwhile: that would close the list in which somebody chooses.
        setAsked(codecs);
        work.mutate(codecs);
      }}
    />
  );
}
