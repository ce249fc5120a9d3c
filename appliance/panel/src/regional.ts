/** The language in which dates and numbers are written: the browser's own kind of the panel's language if it has one
 * (en-GB for en), else the panel's. The first that is asked for counts (BCP 47). */
export function regional(language: string, wanted: readonly string[]): string {
  return wanted.find((one) => isOf(one, language)) ?? language;
}

function isOf(wanted: string, language: string): boolean {
  try {
    return new Intl.Locale(wanted).language === language;
  } catch {
    return false;
  }
}
