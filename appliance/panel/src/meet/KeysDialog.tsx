import { useTranslation } from "react-i18next";
import { Modal } from "./Modal";

const KEYS = [
  ["M", "keys.m"],
  ["V", "keys.v"],
  ["S", "keys.s"],
  ["H", "keys.h"],
  ["C", "keys.c"],
  ["P", "keys.p"],
  ["G", "keys.g"],
  ["R", "keys.r"],
  ["?", "keys.help"],
] as const;

export function KeysDialog({ moderator, close }: { moderator: boolean; close: () => void }) {
  const { t } = useTranslation("meet");
  return (
    <Modal title={t("keys.title")} close={close}>
      <dl className="keys">
        {KEYS.filter(([key]) => moderator || key !== "R").map(([key, words]) => (
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
