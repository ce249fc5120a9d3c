// The browser's own dialog: it keeps the focus, Escape closes it, the page behind is inert.
import { IconX } from "@tabler/icons-react";
import { useEffect, useId, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface ModalProps {
  title: string;
  close: () => void;
  children: ReactNode;
}

export function Modal({ title, close, children }: ModalProps) {
  const { t } = useTranslation("shared");
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    element?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={heading} onCancel={close}>
      <header>
        <h2 id={heading}>{title}</h2>
        <button type="button" className="round small" aria-label={t("close")} onClick={close}>
          <IconX aria-hidden />
        </button>
      </header>
      {children}
    </dialog>
  );
}
