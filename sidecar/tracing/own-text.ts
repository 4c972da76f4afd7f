/**
 * A text that stands alone, cut after so many characters. A part of a request's head is a view of all of it: kept
 * for longer than the request, it would keep the head in memory, and the secrets in it.
 */
export function ownText(text: string | undefined, maxChars = 1_024): string {
  if (text === undefined || text === '') return '';
  return Buffer.from(text.slice(0, maxChars), 'utf8').toString('utf8');
}
