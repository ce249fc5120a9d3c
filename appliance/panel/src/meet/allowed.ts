// What the box lets this person do in the meeting; its buttons follow. The box holds every client to it.
import { useLocalParticipantPermissions } from "@livekit/components-react";
import { Track } from "livekit-client";

export interface Allowed {
  camera: boolean;
  share: boolean;
  chat: boolean;
}

interface Granted {
  canPublish: boolean;
  canPublishData: boolean;
  /** None: all. */
  canPublishSources: number[];
}

/** Before the box has said anything, everything is: what is not is refused. */
export function allowed(granted: Granted | undefined): Allowed {
  const source = (source: Track.Source) =>
    granted === undefined ||
    (granted.canPublish &&
      (granted.canPublishSources.length === 0 ||
        granted.canPublishSources.includes(Track.sourceToProto(source))));
  return {
    camera: source(Track.Source.Camera),
    share: source(Track.Source.ScreenShare),
    chat: granted?.canPublishData ?? true,
  };
}

export function useAllowed(): Allowed {
  return allowed(useLocalParticipantPermissions());
}
