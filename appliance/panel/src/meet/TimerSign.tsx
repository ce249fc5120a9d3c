// The timer in the head of the meeting, for everybody. Its end is heard once, softly.
import { IconHourglass } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Tools } from "./tools";
import { countdown } from "./tools";

const TICK_MS = 250;

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
    if (over && running.current) chime();
    running.current = runs && !over;
  }, [runs, over]);
  if (timer === null) return null;
  return (
    <span className={`timer-sign ${over ? "over" : ""}`} role="timer" aria-label={timer.title || t("tools.timer")}>
      <IconHourglass size={16} aria-hidden />
      {timer.title !== "" && <span className="timer-title">{timer.title}</span>}
      <time>{countdown(left)}</time>
      <span className="only-heard" aria-live="assertive">
        {over ? t("tools.timer_over", { title: timer.title }) : ""}
      </span>
    </span>
  );
}

/** Two soft notes. Without leave to make a sound the picture says it alone. */
function chime() {
  try {
    const audio = new AudioContext();
    for (const [place, pitch] of [660, 880].entries()) {
      const [tone, loudness] = [audio.createOscillator(), audio.createGain()];
      const from = audio.currentTime + place * 0.25;
      tone.frequency.value = pitch;
      loudness.gain.setValueAtTime(0.0001, from);
      loudness.gain.exponentialRampToValueAtTime(0.15, from + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, from + 0.5);
      tone.connect(loudness).connect(audio.destination);
      tone.start(from);
      tone.stop(from + 0.5);
    }
    setTimeout(() => void audio.close(), 1_500);
  } catch {
    // A browser without sound.
  }
}
