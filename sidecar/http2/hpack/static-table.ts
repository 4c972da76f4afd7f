import { HeaderField } from './header-field.ts';
import type { HeaderName } from './header-name.ts';
import { ownName } from './header-names.ts';

/** RFC 7541 appendix A; the first entry has index 1. */
const ENTRIES: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
];

export const STATIC_SIZE = ENTRIES.length;

/** By index; nothing at 0. */
export const STATIC: readonly HeaderField[] = [undefined as never, ...ENTRIES.map(staticField)];

function staticField([text, value]: readonly [string, string], at: number): HeaderField {
  const name = ownName(text);
  if (name.staticIndex === 0) name.staticIndex = at + 1;
  return new HeaderField(name, value, true, false);
}

/** The index of a field that is in the static table with its value; 0: it is not. */
export function staticIndexOf(name: HeaderName, value: string): number {
  for (let index = name.staticIndex; index > 0 && index <= STATIC_SIZE; index += 1) {
    const entry = STATIC[index]!;
    if (entry.name !== name) return 0;
    if (entry.value === value) return index;
  }
  return 0;
}
