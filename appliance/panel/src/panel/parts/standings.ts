// How it looks where a box stands to what its fleet wants.
import {
  IconAlertTriangle,
  IconBan,
  IconCircleCheck,
  IconClock,
  IconGitCompare,
  IconHandStop,
  IconHistory,
  IconMinus,
  IconQuestionMark,
} from "@tabler/icons-react";
import type { BoxWish, TwinEntry } from "../../api/schema";
import type { StateLook } from "./StateBadge";

export const STANDINGS: Record<TwinEntry["standing"], StateLook> = {
  in_step: { icon: IconCircleCheck, color: "green" },
  differs: { icon: IconGitCompare, color: "yellow" },
  kept: { icon: IconGitCompare, color: "gray" },
  refused: { icon: IconBan, color: "red" },
  unknown: { icon: IconQuestionMark, color: "gray" },
};

export const WISH_STATES: Record<BoxWish["state"], StateLook> = {
  free: { icon: IconMinus, color: "gray" },
  pending: { icon: IconClock, color: "gray" },
  in_step: { icon: IconCircleCheck, color: "green" },
  differs: { icon: IconGitCompare, color: "yellow" },
  partly: { icon: IconAlertTriangle, color: "yellow" },
  owner_refuses: { icon: IconHandStop, color: "gray" },
  ahead: { icon: IconHistory, color: "red" },
};
