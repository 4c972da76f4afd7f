import { digestOf, type SeenRequest } from './seen-request.ts';

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const FIELD = new RegExp(
  `^${TOKEN}: (?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?$`,
);
const REQUEST = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e]+) HTTP/1\\.1$`);
const STATUS = /^HTTP\/1\.1 ([1-5][0-9]{2}) [\t\x20-\x7e\x80-\xff]*$/;

/** One message as its canonical text says it; there is one way to read it. */
export interface CanonicalMessage {
  readonly startLine: string;
  /** field lines as they are */
  readonly lines: readonly string[];
  /** name in lower case, and value */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/**
 * Reads what the codec forwards, and shares no code with it: takes nothing but the one canonical form, and
 * throws at anything else. `method` is the request's, for responses. A body that lasts until the connection
 * ends takes all the rest.
 */
export function readCanonical(
  kind: 'requests' | 'responses',
  text: string,
  method = 'GET',
): CanonicalMessage[] {
  const messages: CanonicalMessage[] = [];
  for (let rest = text; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) throw new Error(`no end of the head in ${JSON.stringify(rest)}`);
    const [startLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    if (!(kind === 'requests' ? REQUEST : STATUS).test(startLine)) throw new Error(`start line ${startLine}`);
    const fields = lines.map(readField);
    const { body, trailers, length } = readBody(rest.slice(end + 4), fields, kind, startLine, method);
    messages.push({ startLine, lines, fields, body, trailers });
    rest = rest.slice(end + 4 + length);
  }
  return messages;
}

/** What each backend has to see. */
export function requestsIn(text: string): SeenRequest[] {
  return readCanonical('requests', text).map(({ startLine, fields, body }) => {
    const [, method = '', target = ''] = REQUEST.exec(startLine)!;
    const hosts = fields.filter(([name]) => name === 'host');
    if (hosts.length !== 1 || fields[0]![0] !== 'host') throw new Error('not one Host, in the first place');
    return { method, target, host: hosts[0]![1], body: digestOf(body) };
  });
}

function readField(line: string): readonly [string, string] {
  if (!FIELD.test(line)) throw new Error(`field line ${JSON.stringify(line)}`);
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
}

interface Body {
  readonly body: string;
  readonly trailers: readonly string[];
  readonly length: number;
}

function readBody(
  rest: string,
  fields: readonly (readonly [string, string])[],
  kind: 'requests' | 'responses',
  startLine: string,
  method: string,
): Body {
  const framing = fields.filter(([name]) => name === 'content-length' || name === 'transfer-encoding');
  if (framing.length > 1) throw new Error('more than one framing field');
  const [name, value = ''] = framing[0] ?? [];
  const hasNoBody =
    kind === 'responses' && (method === 'HEAD' || /^HTTP\/1\.1 (?:1|204|304)/.test(startLine));
  if (hasNoBody) return { body: '', trailers: [], length: 0 };
  if (name === 'transfer-encoding') return readChunks(rest, value);
  if (name === undefined) {
    return kind === 'requests'
      ? { body: '', trailers: [], length: 0 }
      : { body: rest, trailers: [], length: rest.length };
  }
  if (!/^(?:0|[1-9][0-9]*)$/.test(value) || rest.length < Number(value)) throw new Error(`length ${value}`);
  return { body: rest.slice(0, Number(value)), trailers: [], length: Number(value) };
}

/** One chunk at most, in the corpus's way of writing it. */
function readChunks(rest: string, coding: string): Body {
  if (coding !== 'chunked') throw new Error(`coding ${coding}`);
  const size = /^(?:([1-9a-f][0-9a-f]*)\r\n)?/.exec(rest)![1];
  const from = size === undefined ? 0 : size.length + 2;
  const to = size === undefined ? 0 : from + Number.parseInt(size, 16);
  const last = size === undefined ? '0\r\n' : '\r\n0\r\n';
  if (!rest.startsWith(last, to)) throw new Error(`no last chunk in ${JSON.stringify(rest)}`);
  const begin = to + last.length;
  if (rest.startsWith('\r\n', begin)) return { body: rest.slice(from, to), trailers: [], length: begin + 2 };
  const end = rest.indexOf('\r\n\r\n', begin);
  if (end === -1) throw new Error('no end of the trailers');
  const trailers = rest.slice(begin, end).split('\r\n');
  for (const line of trailers) readField(line);
  return { body: rest.slice(from, to), trailers, length: end + 4 };
}
