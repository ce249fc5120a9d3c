// Messages of this meeting. They are gone with it.
import type { useChat } from "@livekit/components-react";
import { IconSend, IconX } from "@tabler/icons-react";
import { useEffect, useRef, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";

interface ChatProps {
  chat: ReturnType<typeof useChat>;
  /** May write, not only read. */
  writes: boolean;
  close: () => void;
}

export function Chat({ chat, writes, close }: ChatProps) {
  const { t, i18n } = useTranslation(["meet", "shared"]);
  const [text, setText] = useState("");
  const [failed, setFailed] = useState(false);
  const list = useRef<HTMLOListElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const count = chat.chatMessages.length;
  const time = new Intl.DateTimeFormat(i18n.language, { timeStyle: "short" });

  useEffect(() => field.current?.focus(), []);
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [count]);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const message = text.trim();
    if (message === "") return;
    chat.send(message).then(
      () => {
        setText("");
        setFailed(false);
      },
      () => setFailed(true),
    );
  };

  return (
    <aside className="drawer" aria-label={t("chat")}>
      <header>
        <h2>{t("chat")}</h2>
        <button type="button" className="round small" aria-label={t("shared:close")} onClick={close}>
          <IconX aria-hidden />
        </button>
      </header>
      {count === 0 ? (
        <p className="quiet drawer-empty">{t("chat_empty")}</p>
      ) : (
        <ol ref={list} className="messages" tabIndex={0} aria-label={t("messages")}>
          {chat.chatMessages.map((message) => (
            <li key={message.id} className={message.from?.isLocal ? "mine" : undefined}>
              <p className="by">
                <strong>
                  {message.from?.isLocal
                    ? t("shared:you")
                    : message.from?.name || message.from?.identity || "?"}
                </strong>
                <time>{time.format(message.timestamp)}</time>
              </p>
              <p>{message.message}</p>
            </li>
          ))}
        </ol>
      )}
      {failed && (
        <p className="error" role="alert">
          {t("chat_failed")}
        </p>
      )}
      {writes ? (
        <form className="write" onSubmit={submit}>
          <input
            ref={field}
            value={text}
            maxLength={2000}
            aria-label={t("chat_write")}
            placeholder={t("chat_write")}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <button
            type="submit"
            className="round primary"
            aria-label={t("send")}
            disabled={text.trim() === "" || chat.isSending}
          >
            <IconSend aria-hidden />
          </button>
        </form>
      ) : (
        <p className="quiet drawer-empty">{t("before.limits.chat")}</p>
      )}
    </aside>
  );
}
