/** Classes of latin1 characters as tables: one look-up a character, since every head is walked once. */
function table(matches: RegExp): Uint8Array {
  const classes = new Uint8Array(256);
  for (let code = 0; code < 256; code += 1) if (matches.test(String.fromCharCode(code))) classes[code] = 1;
  return classes;
}

/** RFC 9110 5.6.2: token */
export const TOKEN = table(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/);
/** RFC 9110 5.5: what a field value holds, no control characters but HTAB */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
export const FIELD_VALUE = table(/[^\x00-\x08\x0a-\x1f\x7f]/);
/** RFC 9112 3.2: printable ASCII without SP; `#` never belongs into a request target */
export const TARGET = table(/[\x21\x22\x24-\x7e]/);
/** Target characters after which a path may need more than to be copied: encodings, parameters, backslash. */
export const PLAIN_PATH = table(/[\x21\x22\x24\x26-\x2d\x30-\x3a\x3c-\x3e\x40-\x5b\x5d-\x7e]/);

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DOT = 0x2e;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const QUESTION_MARK = 0x3f;

/** Whether all characters of `text` are in the table. */
export function isAll(characters: Uint8Array, text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 255 || characters[code] === 0) return false;
  }
  return true;
}

/** Text of a configuration as it goes into a message: its UTF-8 bytes, each as a latin1 character. */
export function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
