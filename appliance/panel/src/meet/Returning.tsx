// The box restarted or the network was away for long: try again, say so, let people give up.
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

const WAITS_S = [1, 2, 3, 5, 5, 8];

interface ReturningProps {
  enter: () => Promise<void>;
  giveUp: () => void;
}

export function Returning({ enter, giveUp }: ReturningProps) {
  const { t } = useTranslation("meet");
  const [attempt, setAttempt] = useState(0);
  const [left, setLeft] = useState(WAITS_S[0] ?? 1);

  useEffect(() => {
    if (left > 0) {
      const timer = setTimeout(() => setLeft(left - 1), 1_000);
      return () => clearTimeout(timer);
    }
    let stale = false;
    enter().catch(() => {
      if (stale) return;
      setAttempt(attempt + 1);
      setLeft(WAITS_S[Math.min(attempt + 1, WAITS_S.length - 1)] ?? 5);
    });
    return () => {
      stale = true;
    };
    // Each attempt is one countdown; `enter` is only asked at its end.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [left, attempt]);

  return (
    <main className="card-page">
      <section className="card notice">
        <span className="spinner" aria-hidden />
        <h1>{t("returning.title")}</h1>
        <p className="quiet" role="status">
          {left > 0 ? t("returning.wait", { count: left }) : t("returning.now")}
        </p>
        <div className="row">
          <button type="button" onClick={giveUp}>
            {t("leave")}
          </button>
          <button type="button" className="primary" disabled={left === 0} onClick={() => setLeft(0)}>
            {t("returning.try")}
          </button>
        </div>
      </section>
    </main>
  );
}
