// Files in the chat: handing one out with progress and a way back, and the cards by which all get it.
import { IconDownload, IconFile, IconPaperclip, IconTrash, IconX } from "@tabler/icons-react";
import { useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../Name";
import { ABORTED, Refusal } from "../api/ask";
import type { Handout, MeetingTools } from "../api/schema";
import { bytes } from "../format";
import { useRefusalText } from "../i18n/refusal";
import type { FileCard } from "./handouts";
import type { Tools } from "./tools";

export function FileMessage({ file }: { file: FileCard }) {
  const { t, i18n } = useTranslation("meet");
  const size = bytes(file.bytes, i18n.language);
  const [gone, setGone] = useState(false);
  return (
    <a className="file-card" href={file.path} download={file.name} aria-label={t("tools.file_save", { name: file.name, size })}>
      {file.picture && !gone ? (
        <img src={`${file.path}?show=1`} alt="" loading="lazy" onError={() => setGone(true)} />
      ) : (
        <IconFile aria-hidden />
      )}
      <span className="file-name">
        <Name>{file.name}</Name> <span className="quiet">{size}</span>
      </span>
      <IconDownload size={18} aria-hidden />
    </a>
  );
}

/** All files of the meeting, for those who came after the messages. Who moderates takes them away. */
export function FileList({ tools }: { tools: Tools }) {
  const { t } = useTranslation("meet");
  const textOf = useRefusalText();
  const [error, setError] = useState<unknown>(null);
  const files = tools.view?.files ?? [];
  const takeAway = (file: Handout) => {
    setError(null);
    tools.door.takeAway(file).then(tools.again, setError);
  };
  return (
    <details className="file-list">
      <summary>{t("tools.files", { count: files.length })}</summary>
      <ul>
        {files.map((file) => (
          <li key={file.path} className="row">
            <FileMessage file={file} />
            {tools.view?.moderates && (
              <button
                type="button"
                className="round small"
                aria-label={t("tools.file_remove", { name: file.name, by: file.by })}
                title={t("tools.file_remove", { name: file.name, by: file.by })}
                onClick={() => takeAway(file)}
              >
                <IconTrash aria-hidden />
              </button>
            )}
          </li>
        ))}
      </ul>
      {error !== null && (
        <p className="error" role="alert">
          {textOf(error)}
        </p>
      )}
    </details>
  );
}

interface Sending {
  file: File;
  sent: number;
  stop: AbortController;
}

/** Hands files out one after the other; `handed` tells everybody of each. */
export function useHandingOut(tools: Tools, handed: (file: Handout) => Promise<unknown>) {
  const { i18n, t } = useTranslation(["meet", "shared"]);
  const textOf = useRefusalText();
  const [sending, setSending] = useState<Sending | null>(null);
  const [error, setError] = useState<string | null>(null);
  const current = useRef<Sending | null>(null);
  useEffect(() => () => current.current?.stop.abort(), []);

  const hand = async (files: File[]) => {
    if (current.current) return;
    setError(null);
    for (const file of files) {
      const why = unfit(file, tools.view);
      if (why) {
        const most = bytes(tools.view?.file_rules.most_bytes ?? 0, i18n.language);
        const types = tools.view?.file_rules.types.join(", ") ?? "";
        setError(t(`tools.unfit_${why}`, { name: file.name, most, types }));
        return;
      }
      const one: Sending = { file, sent: 0, stop: new AbortController() };
      current.current = one;
      setSending(one);
      try {
        const progress = (sent: number) => setSending({ ...one, sent });
        await handed(await tools.door.hand(file, progress, one.stop.signal));
      } catch (refusal) {
        if (!(refusal instanceof Refusal && refusal.code === ABORTED)) setError(textOf(refusal));
        return;
      } finally {
        current.current = null;
        setSending(null);
      }
    }
  };
  return { hand, sending, error };
}

/** Why the box would not take a file; what it says last is its own. */
function unfit(file: File, view: MeetingTools | null): "size" | "type" | "empty" | null {
  const rules = view?.file_rules;
  if (!rules) return null;
  if (file.size === 0) return "empty";
  if (file.size > rules.most_bytes) return "size";
  const ending = /\.([^.]+)$/.exec(file.name)?.[1]?.toLowerCase() ?? "";
  return rules.types.length > 0 && !rules.types.includes(ending) ? "type" : null;
}

export function AttachButton({ tools, busy, hand }: { tools: Tools; busy: boolean; hand: (files: File[]) => void }) {
  const { t } = useTranslation("meet");
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const types = tools.view?.file_rules.types ?? [];
  return (
    <>
      <input
        ref={field}
        id={id}
        type="file"
        multiple
        hidden
        aria-label={t("tools.attach")}
        accept={types.map((type) => `.${type}`).join(",")}
        onChange={(event) => {
          hand([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
      <button
        type="button"
        className="round"
        aria-label={t("tools.attach")}
        title={t("tools.attach_text")}
        disabled={busy}
        onClick={() => field.current?.click()}
      >
        <IconPaperclip aria-hidden />
      </button>
    </>
  );
}

export function SendingFile({ sending }: { sending: Sending }) {
  const { t } = useTranslation("meet");
  const { file, sent, stop } = sending;
  const part = Math.min(100, Math.round((100 * sent) / Math.max(1, file.size)));
  return (
    <div className="sending">
      <span className="file-name"><Name>{file.name}</Name></span>
      <progress max={100} value={part} aria-label={t("tools.sending", { name: file.name })} />
      <button
        type="button"
        className="round small"
        aria-label={t("tools.sending_stop", { name: file.name })}
        onClick={() => stop.abort()}
      >
        <IconX aria-hidden />
      </button>
    </div>
  );
}
