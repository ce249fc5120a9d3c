// What a refusal means, in the reader's language: what happened and what to do.
import { useTranslation } from "react-i18next";
import { Refusal } from "../api/client";

export function useRefusalText(): (error: unknown) => string {
  const { t, i18n } = useTranslation("shared");
  return (error) => {
    if (!(error instanceof Refusal)) {
      return t("errors.unknown", { message: String(error), code: "page" });
    }
    const key = `errors.${error.code}`;
    const known = [key, `${key}_other`].some((name) => i18n.exists(name, { ns: "shared" }));
    if (known) {
      const count = error.retryAfterSeconds ?? 0;
      return t(key as "errors.unknown", { message: error.problem.message, code: error.code, count });
    }
    if (error.status === 401) return t("errors.unauthenticated");
    if (error.status === 404) return t("errors.not_found");
    if (error.status === 502 || error.status === 503 || error.status === 504) {
      return t("errors.unreachable");
    }
    return t("errors.unknown", { message: error.problem.message, code: error.code });
  };
}
