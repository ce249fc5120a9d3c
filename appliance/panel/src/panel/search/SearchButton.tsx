// The way to the search: a button in the header, and Ctrl-K or Cmd-K anywhere.
import { ActionIcon, Kbd, Modal, UnstyledButton } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useRef, useState, type ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { Reload } from "../parts/Reload";
import type { SearchDialogProps } from "./SearchDialog";
import { focusPage } from "./useFound";

const SearchDialog = lazy<ComponentType<SearchDialogProps>>(() =>
  import("./SearchDialog").then(
    ({ SearchDialog }) => ({ default: SearchDialog }),
    () => ({ default: Gone }),
  ),
);

function Gone({ opened, close }: SearchDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal opened={opened} onClose={close} title={t("search.title")} closeButtonProps={{ "aria-label": t("shared:close") }}>
      <Reload />
    </Modal>
  );
}

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const KEYS = APPLE ? "⌘ K" : "Ctrl K";

export function SearchButton() {
  const { t } = useTranslation("panel");
  const [opened, setOpened] = useState(false);
  // Once it was there it stays, so that it can close in its own time.
  const [wanted, setWanted] = useState(false);
  const from = useRef<Element | null>(null);
  const open = () => {
    from.current = document.activeElement;
    setWanted(true);
    setOpened(true);
  };
  /** Whoever leaves without having chosen is where they were. */
  const leave = () => {
    setOpened(false);
    const before = from.current;
    if (before instanceof HTMLElement) setTimeout(() => before.focus());
  };
  /** Whoever goes to a page is in it; a setting that is looked for takes the focus itself (`useFound`). */
  const lead = (to: string) => {
    setOpened(false);
    if (!to.includes("?find=")) setTimeout(() => focusPage());
  };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const meant = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";
      if (!meant) return;
      event.preventDefault();
      // What asks first is answered first.
      if (document.querySelector("[role=dialog]")) return;
      from.current = document.activeElement;
      setWanted(true);
      setOpened(true);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
  const press = { onClick: open, "aria-haspopup": "dialog", "aria-keyshortcuts": "Control+K Meta+K" } as const;
  return (
    <>
      <UnstyledButton className="search-button" visibleFrom="sm" {...press}>
        <IconSearch size={18} aria-hidden />
        <span>{t("search.open")}</span>
        <Kbd size="xs" aria-hidden>
          {KEYS}
        </Kbd>
      </UnstyledButton>
      <ActionIcon variant="subtle" color="gray" size={44} hiddenFrom="sm" aria-label={t("search.open")} {...press}>
        <IconSearch size={20} aria-hidden />
      </ActionIcon>
      {wanted && (
        <Suspense fallback={null}>
          <SearchDialog opened={opened} close={leave} chosen={lead} keys={KEYS} />
        </Suspense>
      )}
    </>
  );
}
