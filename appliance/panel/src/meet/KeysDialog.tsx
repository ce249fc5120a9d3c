import { useTranslation } from "react-i18next";
import { Modal } from "./Modal";

const KEYS = [
  ["M", "keys.m"],
  ["V", "keys.v"],
  ["S", "keys.s"],
  ["H", "keys.h"],
  ["C", "keys.c"],
  ["P", "keys.p"],
  ["U", "tools.polls"],
  ["G", "keys.g"],
  ["R", "keys.r"],
  ["T", "keys.t"],
  ["?", "keys.help"],
] as const;

interface KeysDialogProps {
  records: boolean;
  /** There are captions to switch. */
  captions: boolean;
  close: () => void;
}

export function KeysDialog({ records, captions, close }: KeysDialogProps) {
  const { t } = useTranslation("meet");
  return (
    <Modal title={t("keys.title")} close={close}>
      <dl className="keys">
        {KEYS.filter(([key]) => (key !== "R" || records) && (key !== "T" || captions)).map(([key, words]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{t(words)}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
