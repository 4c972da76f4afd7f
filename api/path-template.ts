const ID = '{id}';
const REST = '{rest}';
const MAX_SEGMENTS = 8;
/** A longer name is data. */
const MAX_SEGMENT_CHARS = 40;
/** Nothing is added to one that is longer; a label's value may have 256. */
const MAX_CHARS = 160;

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Crockford's base 32 (github.com/ulid/spec). */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;
const HEX = /^(?=.*[0-9])[0-9a-f]{8,}$/i;
const DIGITS = /^[0-9]+$/;
/** Long, with digits and letters mixed: base64, base64url, base 58, a token. */
const TOKEN = /^(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+=-]{20,}$/;
/** A version such as v1 is a name, and so are words; whatever has other signs was typed by somebody. */
const NAME = /^[A-Za-z0-9_.:~!$*,;=+-]+$/;

/**
 * A path in normal form with what looks like data replaced by `{id}`, so that a metric has few of them: numbers,
 * UUIDs, ULIDs, hexadecimal, tokens, anything encoded, an address, a long segment. Eight segments at most; what
 * comes after them is `{rest}`.
 */
export function pathTemplate(path: string): string {
  let template = '';
  let start = 1;
  for (let count = 0; start <= path.length; count += 1) {
    if (count === MAX_SEGMENTS || template.length > MAX_CHARS) return `${template}/${REST}`;
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    const segment = path.slice(start, end);
    template += isData(segment) ? `/${ID}` : `/${segment}`;
    start = end + 1;
  }
  return template === '' ? '/' : template;
}

function isData(segment: string): boolean {
  if (segment === '') return false;
  if (segment.length > MAX_SEGMENT_CHARS || !NAME.test(segment)) return true;
  return [DIGITS, UUID, HEX, ULID, TOKEN].some((form) => form.test(segment));
}
