// The timer in the head of the meeting, for everybody. Its end is heard once, softly.
import { IconHourglass } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../Name";
import { playChime } from "../chime";
import type { Tools } from "./tools";
import { countdown } from "./tools";

const TICK_MS = 250;
/** Frequencies in hertz. */
const SOFT = [660, 880];

export function TimerSign({ tools }: { tools: Tools }) {
  const { t } = useTranslation("meet");
  const timer = tools.view?.timer ?? null;
  const [now, setNow] = useState(Date.now);
  const runs = timer !== null;
  useEffect(() => {
    if (!runs) return;
    const ticking = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(ticking);
  }, [runs]);
  const left = timer === null ? 0 : timer.left_ms - Math.max(0, now - tools.at);
  const over = runs && left <= 0;
  // Who comes when it is over long since has nothing to hear.
  const running = useRef(false);
  useEffect(() => {
    // Without leave to make a sound the picture says it alone.
    if (over && running.current) playChime(SOFT, 0.15).catch(() => undefined);
    running.current = runs && !over;
  }, [runs, over]);
  if (timer === null) return null;
  return (
    <span className={`timer-sign ${over ? "over" : ""}`} role="timer" aria-label={timer.title || t("tools.timer")}>
      <IconHourglass size={16} aria-hidden />
      {timer.title !== "" && <span className="timer-title"><Name>{timer.title}</Name></span>}
      <time>{countdown(left)}</time>
      <span className="only-heard" aria-live="assertive">
        {over ? t("tools.timer_over", { title: timer.title }) : ""}
      </span>
    </span>
  );
}
