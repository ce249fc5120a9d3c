// When a change counts: a line that looks the same wherever something can be set.
import { IconClockPlay } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { APPLIES, type When } from "./applies";

export function Applies({ when }: { when: When }) {
  const { t } = useTranslation("panel");
  return (
    <span className="applies">
      <IconClockPlay size={14} aria-hidden />
      {t(`applies.${when}`)}
    </span>
  );
}

/** The help of a setting: what it does, and when a change of it counts. */
export function useHelp(): (setting: keyof typeof APPLIES, text?: string) => ReactNode {
  return (setting, text) => (
    <>
      {text}
      <Applies when={APPLIES[setting]} />
    </>
  );
}
