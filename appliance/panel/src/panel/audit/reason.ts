/** What happened, of an error's text that goes on with what to do; null: that says nothing without a value. */
export function firstSentence(text: string): string | null {
  const first = text.match(/^.*?[^.\s](?=[.:](\s|$))/s)?.[0] ?? text.replace(/\.$/, "");
  return first.includes("{{") ? null : first;
}
