// Numbers and times in the reader's language, for components.
import { useTranslation } from "react-i18next";
import * as format from "../format";
import { regional } from "../regional";

export function useFormat() {
  const { i18n } = useTranslation();
  const language = regional(i18n.language, navigator.languages);
  return {
    language,
    bytes: (value: number) => format.bytes(value, language),
    bitRate: (value: number) => format.bitRate(value, language),
    number: (value: number, digits = 0) => format.number(value, language, digits),
    percent: (value: number) => format.percent(value, language),
    span: (seconds: number) => format.span(seconds, language),
    dateTime: (at: string) => format.dateTime(at, language),
    hour: (at: string) => format.hour(at, Date.now(), language),
    relative: (at: string, now: number) => format.relative(at, now, language),
    ahead: (seconds: number) => format.ahead(seconds, language),
    clock: format.clock,
  };
}
