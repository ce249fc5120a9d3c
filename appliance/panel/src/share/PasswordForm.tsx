import { IconLock } from "@tabler/icons-react";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { Refusal, askAt } from "../api/client";
import { ahead } from "../format";

interface PasswordFormProps {
  link: string;
  opened: () => Promise<void>;
}

export function PasswordForm({ link, opened }: PasswordFormProps) {
  const { t, i18n } = useTranslation("share");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);

  const textOf = (error: unknown) => {
    if (!(error instanceof Refusal)) return t("failed_text");
    const seconds = error.retryAfterSeconds;
    if (seconds !== null) return t("wait", { span: ahead(seconds, i18n.language) });
    return error.code === "wrong_password" ? t("wrong") : t("failed_text");
  };
  const open = async () => {
    setBusy(true);
    try {
      await askAt<undefined>(link, "POST", "/session", { password });
      await opened();
    } catch (error) {
      // A link that has gone meanwhile says so on the page that comes then.
      if (error instanceof Refusal && error.code === "share_gone") await opened();
      setRefused(textOf(error));
      setPassword("");
    }
    setBusy(false);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void open();
  };

  return (
    <main className="message">
      <form className="card" onSubmit={submit}>
        <IconLock size={40} stroke={1.5} aria-hidden />
        <h1 id="what">{t("password_title")}</h1>
        <p className="quiet" id="why">
          {t("password_text")}
        </p>
        <label>
          {t("password")}
          <input
            type="password"
            value={password}
            maxLength={200}
            required
            autoFocus
            autoComplete="off"
            // It may come in the middle of a film: then this says why.
            aria-describedby={refused === null ? "what why" : "refused"}
            aria-invalid={refused !== null}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <p className="refused" id="refused" role="alert">
          {refused}
        </p>
        <button type="submit" className="primary" disabled={busy || password === ""}>
          {t("open")}
        </button>
      </form>
    </main>
  );
}
