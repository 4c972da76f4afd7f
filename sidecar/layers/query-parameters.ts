/** As many as Node's own `querystring` looks at; the rest counts as absent. */
const MAX_PARAMETERS = 1000;

/**
 * The parameters of a query that somebody asks for, read in one pass: names are registered beforehand, each
 * gets a slot. The first parameter of a name counts. Percent-encodings are decoded as UTF-8, malformed ones
 * left as they are; `+` is a plus sign, since RFC 3986 knows no other meaning.
 */
export class QueryParameters {
  readonly #slots = new Map<string, number>();
  readonly #values: (string | undefined)[] = [];

  /** The same slot for the same name. */
  register(name: string): number {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    this.#slots.set(name, this.#values.length);
    return this.#values.push(undefined) - 1;
  }

  /** `query` is what follows the `?`. */
  read(query: string): void {
    this.#values.fill(undefined);
    let start = 0;
    for (let count = 0; count < MAX_PARAMETERS && start < query.length; count += 1) {
      const ampersand = query.indexOf('&', start);
      const end = ampersand === -1 ? query.length : ampersand;
      this.#readOne(query.slice(start, end));
      start = end + 1;
    }
  }

  /** Of the query read last; undefined when it has no such parameter, empty when it has no value. */
  value(slot: number): string | undefined {
    return this.#values[slot];
  }

  #readOne(parameter: string): void {
    const equals = parameter.indexOf('=');
    const name = equals === -1 ? parameter : parameter.slice(0, equals);
    const slot = this.#slots.get(decodePercent(name));
    if (slot === undefined || this.#values[slot] !== undefined) return;
    this.#values[slot] = equals === -1 ? '' : decodePercent(parameter.slice(equals + 1));
  }
}

function decodePercent(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = Buffer.from(text);
  let length = 0;
  for (let at = 0; at < bytes.length; length += 1) {
    const high = bytes[at] === PERCENT ? hexDigit(bytes[at + 1]) : -1;
    const low = high === -1 ? -1 : hexDigit(bytes[at + 2]);
    bytes[length] = low === -1 ? bytes[at]! : high * 16 + low;
    at += low === -1 ? 1 : 3;
  }
  return bytes.toString('utf8', 0, length);
}

const PERCENT = 0x25;

/** -1 for what is none. */
function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
