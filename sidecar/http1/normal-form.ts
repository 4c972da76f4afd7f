import { isIPv6 } from 'node:net';
import { DOT, isAll, PLAIN_PATH, QUESTION_MARK, SLASH, TARGET } from './characters.ts';
import { bad } from './syntax-error.ts';

/**
 * The one normal form of paths and hosts. It is what authorization sees and what the app gets, so the two
 * cannot read a request differently.
 */
export interface NormalPath {
  readonly path: string;
  /**
   * The path holds something servers are known to read in different ways even in normal form: an encoded
   * slash or backslash, NUL, or a dot segment with a parameter (`..;x`). Refused where path rules exist.
   */
  readonly ambiguous: boolean;
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;
const AMBIGUOUS = /%2F|%5C|%00|\\|(?:^|\/)\.{1,2}(?:;|%3B)/;

/**
 * Whether a target in origin form is in normal form as it is, which nearly all are: no encoding, parameter or
 * backslash in its path, no repeated slash and no dot at the beginning of a segment, and nothing that is not
 * allowed. False says nothing.
 */
export function isPlainTarget(target: string): boolean {
  let before = 0;
  let at = 0;
  for (; at < target.length; at += 1) {
    const code = target.charCodeAt(at);
    if (code === QUESTION_MARK) break;
    if (before === SLASH && (code === SLASH || code === DOT)) return false;
    if (code !== SLASH && code !== DOT && PLAIN_PATH[code] !== 1) return false;
    before = code;
  }
  for (; at < target.length; at += 1) if (TARGET[target.charCodeAt(at)] !== 1) return false;
  return true;
}

/**
 * `path` begins with `/` and has no query. Percent-encodings of unreserved characters are decoded, others
 * written in upper case (RFC 3986 6.2.2); repeated slashes are merged, then dot segments removed (5.2.4).
 */
export function normalizePath(path: string): NormalPath {
  if (!isAll(TARGET, path)) bad('RFC 9112 3.2', 'character not allowed in a request target');
  const decoded = path.includes('%') ? normalizeEncoding(path) : path;
  const normal = needsSegments(decoded) ? removeDotSegments(decoded) : decoded;
  return { path: normal, ambiguous: AMBIGUOUS.test(normal) };
}

/** A path of a configuration as it goes into a request: in normal form, other characters percent-encoded. */
export function wirePath(path: string): string {
  const encoded = path.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));
  return normalizePath(encoded).path;
}

/** The query is forwarded as it came; only its characters are checked. */
export function checkQuery(query: string): void {
  if (!isAll(TARGET, query)) bad('RFC 9112 3.2', 'character not allowed in a query');
}

export function normalizeEncoding(path: string): string {
  return path.replace(/%(.{0,2})/g, (_all, digits: string) => {
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) bad('RFC 3986 2.1', 'malformed percent-encoding');
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return UNRESERVED.test(character) ? character : `%${digits.toUpperCase()}`;
  });
}

function needsSegments(path: string): boolean {
  return path.includes('//') || path.includes('/.');
}

function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  const last = segments.at(-1)!;
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') kept.pop();
    else kept.push(segment);
  }
  const isFolder = last === '' || last === '.' || last === '..';
  return `/${kept.join('/')}${isFolder && kept.length > 0 ? '/' : ''}`;
}

const REG_NAME = /^[a-z0-9_](?:[a-z0-9._-]{0,253}[a-z0-9_])?$/;

/**
 * Host in lower case, without trailing dot, without port when it is empty or 80 (RFC 9110 4.2.3). Refuses
 * what is not a host name, an IPv4 address or a bracketed IPv6 address with an optional port.
 */
export function normalizeHost(value: string): string {
  const known = KNOWN_HOSTS.get(value);
  if (known !== undefined) return known;
  const host = readHost(value);
  if (KNOWN_HOSTS.size >= MAX_KNOWN_HOSTS) KNOWN_HOSTS.clear();
  KNOWN_HOSTS.set(copyOf(value), host);
  return host;
}

/** A workload calls and is called by few names; a map of them costs less than reading each again. */
const KNOWN_HOSTS = new Map<string, string>();
const MAX_KNOWN_HOSTS = 256;

/** Not a slice that keeps the text of a whole message alive. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function readHost(value: string): string {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{0,5}))?$/.exec(value);
  if (match === null) return bad('RFC 9112 3.2', 'invalid host');
  const host = normalizeHostName(match[1]!.toLowerCase());
  const port = match[2] === undefined || match[2] === '' ? 80 : Number(match[2]);
  if (port < 1 || port > 65535) bad('RFC 9112 3.2', 'invalid port in host');
  return port === 80 ? host : `${host}:${port}`;
}

function normalizeHostName(name: string): string {
  if (name.startsWith('[')) {
    if (!isIPv6(name.slice(1, -1)) || name.includes('%')) bad('RFC 3986 3.2.2', 'invalid IPv6 host');
    return name;
  }
  const undotted = name.endsWith('.') ? name.slice(0, -1) : name;
  if (!REG_NAME.test(undotted)) bad('RFC 9112 3.2', 'invalid host');
  return undotted;
}
