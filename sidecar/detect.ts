/**
 * What a connection speaks, by its first bytes. Two answers are not final: `need-more`, the beginning of
 * something known, worth waiting for; and `unlikely`, a word that could still turn out to be an HTTP method
 * nobody knows: opaque, but to be watched until its first line has ended.
 */
export type Detected = 'need-more' | 'unlikely' | Protocol;
type Protocol = 'http1' | 'http2' | 'tls' | 'opaque';
/** What one acts on. */
export type Spoken = Exclude<Detected, 'need-more'>;

/** Bytes after which a line that has not ended is decided upon. */
export const DETECT_MAX_BYTES = 16 * 1024;

const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR_VERSION = 0x03;
const COLON = 0x3a;

/**
 * Pure and incremental: call again with more bytes while the answer is `need-more`. Whatever a lenient
 * server could take for HTTP/1 is called `http1`, so that the strict codec sees (and refuses) it: on an
 * opaque connection the mesh's own request headers could be forged.
 */
export function detect(bytes: Buffer): Detected {
  if (bytes.length === 0) return 'need-more';
  if (bytes[0] === TLS_HANDSHAKE) {
    if (bytes.length === 1) return 'need-more';
    return bytes[1] === TLS_MAJOR_VERSION ? 'tls' : 'opaque';
  }
  const preface = Math.min(bytes.length, HTTP2_PREFACE.length);
  if (bytes.compare(HTTP2_PREFACE, 0, preface, 0, preface) === 0) {
    return preface === HTTP2_PREFACE.length ? 'http2' : 'need-more';
  }
  return detectLine(bytes);
}

/** A verdict for bytes that stayed undecided too long. */
export function detectAtDeadline(bytes: Buffer): Spoken {
  const verdict = detect(bytes);
  if (verdict !== 'need-more') return verdict;
  return looksLikeRequest(firstLine(bytes)) ? 'http1' : 'unlikely';
}

// what lenient servers split a request line at: Python's str.split() on latin1, for one
const BLANK = String.raw`\t\x0b-\x0d\x1c-\x20\x85\xa0`;
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const TOKEN_FIRST = new RegExp(`^[${BLANK}]*${TOKEN}(?:$|[${BLANK}])`);
const VERSIONED = new RegExp(`^${TOKEN}[${BLANK}].*HTTP/`, 'is');
const THREE_WORDS = new RegExp(
  `^[${BLANK}]*[^${BLANK}]+[${BLANK}]+[^${BLANK}]+[${BLANK}]+HTTP/\\d+\\.\\d+[${BLANK}]*$`,
  'i',
);
/** HTTP/0.9, after which some servers read fields all the same; with a path, and with what may be a Redis key. */
const UNVERSIONED_PATH = new RegExp(`^[${BLANK}]*GET[${BLANK}]+(?:/|http:)[^${BLANK}]*[${BLANK}]*$`, 'i');
const UNVERSIONED = new RegExp(`^[${BLANK}]*GET[${BLANK}]+[^${BLANK}]+[${BLANK}]*$`);
/** Control characters in the first word tell binary protocols; those after it some servers take for a target's. */
const BINARY_FIRST = new RegExp(`^[${BLANK}]*[^${BLANK}]*[\\x00-\\x08\\x0e-\\x1b\\x7f]`);

function detectLine(bytes: Buffer): Detected {
  const line = firstLine(bytes);
  if (BINARY_FIRST.test(line.text)) return 'opaque';
  if (line.complete) return detectWholeLine(bytes, line);
  const isEndless = bytes.length >= DETECT_MAX_BYTES;
  if (line.text !== '' && !TOKEN_FIRST.test(line.text)) return isEndless ? 'opaque' : 'unlikely';
  // a line without end: nothing sensible, and safest with the parser that refuses it
  if (isEndless) return 'http1';
  return looksLikeRequest(line) ? 'need-more' : 'unlikely';
}

/** More than a request line is `http1`: the codec refuses what it must not be, and an app may read it as one. */
function detectWholeLine(bytes: Buffer, { text, end }: Line): Detected {
  if (VERSIONED.test(text) || THREE_WORDS.test(text) || UNVERSIONED_PATH.test(text)) return 'http1';
  return UNVERSIONED.test(text) ? detectFields(bytes, end + 1) : 'opaque';
}

/** Whether fields follow, as they never do after a command: decided by the first line that is not blank in front. */
function detectFields(bytes: Buffer, from: number): Detected {
  const limit = Math.min(bytes.length, DETECT_MAX_BYTES);
  let at = from;
  while (at < limit && (bytes[at] === 0x20 || bytes[at] === 0x09)) {
    const end = bytes.indexOf(0x0a, at);
    at = end === -1 ? limit : end + 1;
  }
  if (at >= limit) return limit === DETECT_MAX_BYTES ? 'http1' : 'unlikely';
  const name = /^[\x21-\x39\x3b-\xff]*/.exec(bytes.toString('latin1', at, limit))![0];
  if (at + name.length === limit) return limit === DETECT_MAX_BYTES ? 'http1' : 'unlikely';
  return bytes[at + name.length] === COLON ? 'http1' : 'opaque';
}

interface Line {
  readonly text: string;
  readonly complete: boolean;
  /** where its line feed is, or where what is looked at ends */
  readonly end: number;
}

/** The first line that is not empty: lenient servers skip those before a request. */
function firstLine(bytes: Buffer): Line {
  let start = 0;
  while (
    start < bytes.length &&
    start < DETECT_MAX_BYTES &&
    (bytes[start] === 0x0d || bytes[start] === 0x0a)
  ) {
    start += 1;
  }
  const lf = bytes.indexOf(0x0a, start);
  const limit = Math.min(bytes.length, DETECT_MAX_BYTES);
  const complete = lf !== -1 && lf < limit;
  const end = complete ? lf : limit;
  return { text: bytes.toString('latin1', start, end), complete, end };
}

function looksLikeRequest(line: Line): boolean {
  const [method = '', target] = line.text.split(/[ \t]/, 2);
  if (target === undefined)
    return method !== '' && METHODS.some((known) => known.startsWith(method.toUpperCase()));
  return METHODS.includes(method.toUpperCase()) || /^(?:\/|http:|\*)/i.test(target);
}
