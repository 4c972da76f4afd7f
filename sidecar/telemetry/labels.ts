/** The value of every label of the series that takes what has no room. */
export const OTHER = 'other';

/** Longer than any name of Kubernetes (253); bounds what one series costs in memory and at each scrape. */
const MAX_VALUE_CHARS = 256;

/** As it is shown: bounded, and valid in UTF-8, so that two values never become the same on the wire. */
export function plainValue(value: string): string {
  return value.slice(0, MAX_VALUE_CHARS).toWellFormed();
}

/** `a="b",c="d"`, without the braces; empty when there are no labels. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, index) => `${name}="${escapeValue(values[index] ?? '')}"`).join(',');
}

function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
