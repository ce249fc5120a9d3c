// "Why is it bad?": what the connection does, second by second, and the one thing that helps.
import { useRoomContext } from "@livekit/components-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Modal } from "./Modal";
import { adviceOn, between, measure, type Figures } from "./network";

const SECONDS = 60;

export function NetworkDialog({ close }: { close: () => void }) {
  const { t, i18n } = useTranslation("meet");
  const seconds = useFigures();
  const last = seconds.at(-1);
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 1 });
  const rate = (bits: number) =>
    bits >= 1_000_000
      ? t("network.mbit", { value: number.format(bits / 1_000_000) })
      : t("network.kbit", { value: number.format(Math.round(bits / 1_000)) });
  const percent = (value: number) => t("network.percent", { value: number.format(value) });
  const ms = (value: number | null) =>
    value === null ? "–" : t("network.ms", { value: number.format(Math.round(value)) });
  const rows = [
    { name: t("network.up"), of: (one: Figures) => one.up, least: 200_000, write: rate },
    { name: t("network.down"), of: (one: Figures) => one.down, least: 200_000, write: rate },
    { name: t("network.lost_up"), of: (one: Figures) => one.lostUp, least: 5, write: percent },
    { name: t("network.lost_down"), of: (one: Figures) => one.lostDown, least: 5, write: percent },
  ];
  return (
    <Modal title={t("network.title")} close={close}>
      {last === undefined ? (
        <p className="quiet" role="status">
          <span className="spinner small" aria-hidden /> {t("network.measuring")}
        </p>
      ) : (
        <>
          <p role="status">{t(`network.advice.${adviceOn(seconds)}`, { count: last.paused })}</p>
          <dl className="figures">
            {rows.map(({ name, of, least, write }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <Line values={seconds.map(of)} least={least} />
                  <span>{write(of(last))}</span>
                </dd>
              </div>
            ))}
            <div>
              <dt>{t("network.round_trip")}</dt>
              <dd>
                <Line values={seconds.map((one) => one.roundTrip ?? 0)} least={100} />
                <span>{ms(last.roundTrip)}</span>
              </dd>
            </div>
          </dl>
          <p className="quiet">{t("network.since")}</p>
        </>
      )}
    </Modal>
  );
}

/** The last minute, a figure a second. */
function useFigures(): Figures[] {
  const room = useRoomContext();
  const [seconds, setSeconds] = useState<Figures[]>([]);
  useEffect(() => {
    let stale = false;
    let before: Awaited<ReturnType<typeof measure>> | undefined;
    const look = () => {
      measure(room).then(
        (now) => {
          const last = before;
          before = now;
          if (stale || !last) return;
          setSeconds((known) => [...known, between(last, now)].slice(-SECONDS));
        },
        () => undefined,
      );
    };
    look();
    const timer = setInterval(look, 1_000);
    return () => {
      stale = true;
      clearInterval(timer);
    };
  }, [room]);
  return seconds;
}

/** A small plot; the figure beside it says the same to those who do not see it. */
function Line({ values, least }: { values: number[]; least: number }) {
  const top = Math.max(least, ...values);
  const points = values
    .map((value, n) => `${100 - ((values.length - 1 - n) * 100) / (SECONDS - 1)},${30 - (value * 28) / top}`)
    .join(" ");
  return (
    <svg viewBox="0 0 100 32" preserveAspectRatio="none" aria-hidden>
      <polyline points={points} />
    </svg>
  );
}
