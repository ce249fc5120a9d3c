// The bar at the bottom. On a phone the seldom buttons move into "more".
import { useLocalParticipant } from "@livekit/components-react";
import {
  IconBadgeCc,
  IconChartBar,
  IconDeviceSpeaker,
  IconDots,
  IconHandOff,
  IconHandStop,
  IconHourglass,
  IconKeyboard,
  IconLayoutGrid,
  IconLayoutSidebarRight,
  IconMessage,
  IconMicrophone,
  IconMicrophoneOff,
  IconPhoneX,
  IconPlayerRecord,
  IconPlayerStop,
  IconScreenShare,
  IconScreenShareOff,
  IconUsers,
  IconVideo,
  IconVideoOff,
  IconVolume,
  IconWifi,
  type Icon,
} from "@tabler/icons-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { useAllowed } from "./allowed";
import { useHand } from "./hand";
import type { Drawer } from "./InMeeting";
import type { View } from "./layout";
import { useKnocking, usePeople } from "./lobby";

type Action =
  | "microphone"
  | "camera"
  | "share"
  | "hand"
  | "chat"
  | "people"
  | "polls"
  | "timer"
  | "view"
  | "record"
  | "devices"
  | "keys"
  | "network"
  | "soundOnly"
  | "captions"
  | "leave";

interface BarProps {
  view: View;
  drawer: Drawer;
  unread: number;
  /** Polls that this person has not answered. */
  toAnswer: number;
  recording: boolean;
  soundOnly: boolean;
  /** Whether captions are shown; null: none have come. */
  captions: boolean | null;
  /** May start the timer. */
  moderator: boolean;
  /** May record. */
  records: boolean;
  act: Record<Action, () => void>;
}

const CAN_SHARE = "mediaDevices" in navigator && "getDisplayMedia" in navigator.mediaDevices;

export function Bar({
  view,
  drawer,
  unread,
  toAnswer,
  recording,
  soundOnly,
  captions,
  moderator,
  records,
  act,
}: BarProps) {
  const { t } = useTranslation("meet");
  const { isMicrophoneEnabled, isCameraEnabled, isScreenShareEnabled, localParticipant } =
    useLocalParticipant();
  const may = useAllowed();
  const raised = useHand(localParticipant) !== null;
  const people = usePeople();
  const knocking = useKnocking().length;
  const menu = useId();

  const share = (
    <BarButton
      icon={isScreenShareEnabled ? IconScreenShareOff : IconScreenShare}
      words={isScreenShareEnabled ? t("share_stop") : t("share")}
      shortcut="S"
      pressed={isScreenShareEnabled}
      press={act.share}
    />
  );
  const hand = (
    <BarButton
      icon={raised ? IconHandOff : IconHandStop}
      words={raised ? t("hand_down") : t("hand_up")}
      shortcut="H"
      pressed={raised}
      press={act.hand}
    />
  );
  const layout = (
    <BarButton
      icon={view === "grid" ? IconLayoutSidebarRight : IconLayoutGrid}
      words={view === "grid" ? t("view_speaker") : t("view_grid")}
      shortcut="G"
      press={act.view}
    />
  );
  const record = (
    <BarButton
      icon={recording ? IconPlayerStop : IconPlayerRecord}
      words={recording ? t("record_stop") : t("record")}
      shortcut="R"
      press={act.record}
      look="record"
    />
  );

  return (
    <footer>
      <div className="bar" role="toolbar" aria-label={t("bar")}>
      <BarButton
        icon={isMicrophoneEnabled ? IconMicrophone : IconMicrophoneOff}
        words={isMicrophoneEnabled ? t("mute") : t("unmute")}
        shortcut="M"
        press={act.microphone}
        look={isMicrophoneEnabled ? undefined : "off"}
      />
      <BarButton
        icon={isCameraEnabled ? IconVideo : IconVideoOff}
        words={isCameraEnabled ? t("camera_off") : t("camera_on")}
        not={may.camera ? undefined : t("before.camera_not")}
        shortcut="V"
        press={act.camera}
        look={isCameraEnabled ? undefined : "off"}
      />
      <span className="wide-only">
        {CAN_SHARE && may.share && share}
        {hand}
        {records && record}
        {layout}
      </span>
      <BarButton
        icon={IconMessage}
        words={t("chat")}
        badge={unread}
        badgeWords={t("unread", { count: unread })}
        shortcut="C"
        pressed={drawer === "chat"}
        press={act.chat}
      />
      <BarButton
        icon={IconUsers}
        words={t("people")}
        badge={people.length}
        badgeWords={[
          t("people_count", { count: people.length }),
          knocking > 0 && t("knocking.count", { count: knocking }),
        ]
          .filter(Boolean)
          .join(", ")}
        shortcut="P"
        pressed={drawer === "people"}
        press={act.people}
      />
      <button
        type="button"
        className="bar-button"
        popoverTarget={menu}
        aria-label={t("more")}
        title={t("more")}
      >
        <IconDots aria-hidden />
        <span className="words">{t("more")}</span>
      </button>
      <div id={menu} popover="auto" className="more" onClick={close}>
        <span className="narrow-only">
          {CAN_SHARE && may.share && share}
          {hand}
          {records && record}
          {layout}
        </span>
        <BarButton
          icon={IconChartBar}
          words={t("tools.polls")}
          badge={toAnswer}
          badgeWords={t("tools.unanswered", { count: toAnswer })}
          shortcut="U"
          pressed={drawer === "polls"}
          press={act.polls}
        />
        {moderator && <BarButton icon={IconHourglass} words={t("tools.timer")} press={act.timer} />}
        <BarButton
          icon={IconVolume}
          words={soundOnly ? t("sound_only_end") : t("sound_only")}
          pressed={soundOnly}
          press={act.soundOnly}
        />
        {captions !== null && (
          <BarButton
            icon={IconBadgeCc}
            words={captions ? t("captions.off") : t("captions.on")}
            shortcut="T"
            pressed={captions}
            press={act.captions}
          />
        )}
        <BarButton icon={IconWifi} words={t("network.title")} press={act.network} />
        <BarButton icon={IconDeviceSpeaker} words={t("devices")} press={act.devices} />
        <BarButton icon={IconKeyboard} words={t("keys.title")} shortcut="?" press={act.keys} />
      </div>
      <BarButton icon={IconPhoneX} words={t("leave")} press={act.leave} look="leave" />
      </div>
    </footer>
  );
}

function close(event: React.MouseEvent<HTMLElement>) {
  event.currentTarget.hidePopover();
}

interface BarButtonProps {
  icon: Icon;
  words: string;
  shortcut?: string;
  badge?: number;
  badgeWords?: string;
  pressed?: boolean;
  /** Why it cannot be pressed. */
  not?: string | undefined;
  look?: "off" | "record" | "leave" | undefined;
  press: () => void;
}

function BarButton({ icon: Picture, words, shortcut, badge, badgeWords, pressed, not, look, press }: BarButtonProps) {
  const more = not ? `, ${not}` : badge ? ` ${badgeWords}` : "";
  const label = `${words}${more}`;
  return (
    <button
      type="button"
      className={`bar-button ${look ?? ""}`}
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      disabled={not !== undefined}
      title={not ?? (shortcut ? `${words} (${shortcut})` : words)}
      onClick={press}
    >
      <Picture aria-hidden />
      <span className="words">{words}</span>
      {badge ? <span className="badge"> {badge}</span> : null}
    </button>
  );
}
