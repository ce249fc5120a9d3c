// Messages and files of this meeting. They are gone with it.
import type { useChat } from "@livekit/components-react";
import { IconSend, IconX } from "@tabler/icons-react";
import { useEffect, useRef, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../Name";
import { regional } from "../regional";
import { bytes } from "../format";
import { AttachButton, FileList, FileMessage, SendingFile, useHandingOut } from "./Files";
import { attributesOf, fileOf } from "./handouts";
import type { Tools } from "./tools";

interface ChatProps {
  chat: ReturnType<typeof useChat>;
  tools: Tools;
  /** May write, not only read. */
  writes: boolean;
  close: () => void;
}

export function Chat({ chat, tools, writes, close }: ChatProps) {
  const { t, i18n } = useTranslation(["meet", "shared"]);
  const [text, setText] = useState("");
  const [failed, setFailed] = useState(false);
  const [over, setOver] = useState(false);
  const list = useRef<HTMLOListElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const count = chat.chatMessages.length;
  const time = new Intl.DateTimeFormat(regional(i18n.language, navigator.languages), { timeStyle: "short" });
  const files = tools.view?.files ?? [];
  // Somebody who moderates took it away; what has only just been sent is not known here yet.
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
  const unseen = files.filter((file) => !seen.has(file.path));
  if (unseen.length > 0) setSeen(new Set([...seen, ...unseen.map((file) => file.path)]));
  const gone = (path: string) => seen.has(path) && !files.some((file) => file.path === path);
  const mayHand = writes && (tools.view?.file_rules.allowed ?? false);
  const { hand, sending, error } = useHandingOut(tools, (file) => {
    // Programs of other makers show the text alone: it says where the file is.
    const line = `${file.name} (${bytes(file.bytes, i18n.language)})\n${location.origin}${file.path}`;
    return chat.send(line, { attributes: attributesOf(file) });
  });

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
    <aside
      className={`drawer ${over ? "dropped-on" : ""}`}
      aria-label={t("chat")}
      onDragOver={(event) => {
        if (!mayHand || !event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        if (!mayHand) return;
        event.preventDefault();
        void hand([...event.dataTransfer.files]);
      }}
    >
      <header>
        <h2>{t("chat")}</h2>
        <button type="button" className="round small" aria-label={t("shared:close")} onClick={close}>
          <IconX aria-hidden />
        </button>
      </header>
      {files.length > 0 && <FileList tools={tools} />}
      {count === 0 ? (
        <p className="quiet drawer-empty">{t("chat_empty")}</p>
      ) : (
        <ol ref={list} className="messages" tabIndex={0} aria-label={t("messages")}>
          {chat.chatMessages.map((message) => {
            const file = fileOf(message.attributes);
            return (
              <li key={message.id} className={message.from?.isLocal ? "mine" : undefined}>
                <p className="by">
                  <strong>
                    <Name>
                      {message.from?.isLocal
                        ? t("shared:you")
                        : message.from?.name || message.from?.identity || "?"}
                    </Name>
                  </strong>
                  <time>{time.format(message.timestamp)}</time>
                </p>
                {file && gone(file.path) ? (
                  <p className="quiet">{t("tools.file_removed", { name: file.name })}</p>
                ) : file ? (
                  <FileMessage file={file} />
                ) : (
                  <p>{message.message}</p>
                )}
              </li>
            );
          })}
        </ol>
      )}
      {failed && (
        <p className="error" role="alert">
          {t("chat_failed")}
        </p>
      )}
      {error !== null && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      {sending && <SendingFile sending={sending} />}
      {writes ? (
        <form className="write" onSubmit={submit}>
          {mayHand && (
            <AttachButton tools={tools} busy={sending !== null} hand={(chosen) => void hand(chosen)} />
          )}
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
