// What rows of the audit log say in the reader's language.
import { useTranslation } from "react-i18next";
import { firstSentence } from "./reason";

interface AuditWords {
  /** Operations that change something, for a choice, by their words. */
  actions: { value: string; label: string }[];
  /** What was done; the operation's name in the API, where that is all there is. */
  actionOf: (action: string) => string;
  /** Why it was refused: in words, or the code where there are none. */
  reasonOf: (code: string) => string;
}

export function useAuditWords(): AuditWords {
  const { t, i18n } = useTranslation(["auditLog", "shared"]);
  const actions: unknown = i18n.getResource(i18n.language, "auditLog", "actions");
  const actionOf = (action: string) =>
    i18n.exists(`actions.${action}`, { ns: "auditLog" }) ? t(`actions.${action}` as "actions.session_post") : action;
  return {
    actions: Object.keys((actions ?? {}) as object)
      .map((value) => ({ value, label: actionOf(value) }))
      .sort((a, b) => a.label.localeCompare(b.label, i18n.language)),
    actionOf,
    reasonOf: (code) => {
      if (i18n.exists(`reasons.${code}`, { ns: "auditLog" })) return t(`reasons.${code}` as "reasons.not_found");
      // Written for whoever is refused: what happened comes first, what they can do about it after that.
      const said: unknown = i18n.getResource(i18n.language, "shared", `errors.${code}`);
      return (typeof said === "string" ? firstSentence(said) : null) ?? code;
    },
  };
}
