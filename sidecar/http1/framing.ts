import { FIELD, FIELD_COUNT } from './field-names.ts';
import { type Fields, listMembers } from './fields.ts';
import { bad } from './syntax-error.ts';

/** How long a body is (RFC 9112 section 6). */
export interface Framing {
  /** `close`: until the connection ends; responses only */
  readonly type: 'none' | 'length' | 'chunked' | 'close';
  /** type length only, else 0 */
  readonly length: number;
}

export const NO_BODY: Framing = { type: 'none', length: 0 };
export const CHUNKED: Framing = { type: 'chunked', length: 0 };
export const UNTIL_CLOSE: Framing = { type: 'close', length: 0 };

/**
 * What the fields say, or undefined when they say nothing. Refuses what recipients are known to read
 * differently: both fields, a repeated or odd Content-Length, any Transfer-Encoding but exactly `chunked`,
 * and Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1, 6.3).
 */
export function declaredFraming(fields: Fields, minorVersion: number): Framing | undefined {
  if (fields.count(FIELD.lookalike) > 0)
    bad('RFC 9112 6.1', 'a name that is read as a framing field by some');
  const lengths = fields.count(FIELD.contentLength);
  const encodings = fields.count(FIELD.transferEncoding);
  if (encodings > 0) {
    if (lengths > 0) bad('RFC 9112 6.3', 'both Content-Length and Transfer-Encoding');
    if (encodings > 1 || fields.first(FIELD.transferEncoding).toLowerCase() !== 'chunked') {
      bad('RFC 9112 6.1', 'Transfer-Encoding other than chunked');
    }
    if (minorVersion === 0) bad('RFC 9112 6.1', 'Transfer-Encoding in HTTP/1.0');
    return CHUNKED;
  }
  if (lengths === 0) return undefined;
  if (lengths > 1) bad('RFC 9112 6.3', 'repeated Content-Length');
  return { type: 'length', length: parseLength(fields.first(FIELD.contentLength)) };
}

function parseLength(value: string): number {
  if (value.length === 0 || value.length > 15) bad('RFC 9110 8.6', 'invalid Content-Length');
  let length = 0;
  for (let at = 0; at < value.length; at += 1) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) bad('RFC 9110 8.6', 'invalid Content-Length');
    length = length * 10 + digit;
  }
  return length;
}

/** Named in Connection or not, these describe the message and stay (framing is written anew anyway). */
const NEVER_NOMINATED: ReadonlySet<string> = new Set(['host', 'date', 'expect', 'trailer']);

const OWN_OPTIONS: ReadonlySet<string> = new Set(['close', 'keep-alive', 'upgrade', 'te']);

/** What the Connection field and its companions say about this hop. */
export interface Hop {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: string | undefined;
  readonly trailers: boolean;
  /** Connection names further fields: trailers may be meant too, so none of them passes */
  readonly nominates: boolean;
}

const NOTHING: Hop = {
  close: false,
  keepAlive: false,
  upgrade: undefined,
  trailers: false,
  nominates: false,
};
const CLOSE: Hop = { ...NOTHING, close: true };
const KEEP_ALIVE: Hop = { ...NOTHING, keepAlive: true };

const HOP_FIELDS: readonly boolean[] = flags(
  FIELD.connection,
  FIELD.keepAlive,
  FIELD.proxyConnection,
  FIELD.transferEncoding,
  FIELD.contentLength,
  FIELD.te,
  FIELD.upgrade,
);
function flags(...fields: readonly number[]): boolean[] {
  return Array.from({ length: FIELD_COUNT }, (_, field) => fields.includes(field));
}
export const HOST_ONLY = flags(FIELD.host);

/**
 * Takes the fields of this hop out: Connection, what it names, and the ones that are hop-by-hop by nature
 * (RFC 9110 7.6.1). Framing fields go too; they are written anew from what was understood.
 */
export function takeHopByHop(fields: Fields): Hop {
  const hop = readHop(fields);
  fields.drop(HOP_FIELDS);
  return hop;
}

function readHop(fields: Fields): Hop {
  const lines = fields.count(FIELD.connection);
  const hasOthers = fields.count(FIELD.te) > 0 || fields.count(FIELD.upgrade) > 0;
  if (lines === 0 && !hasOthers) return NOTHING;
  if (lines === 1 && !hasOthers) {
    const value = fields.first(FIELD.connection);
    if (value === 'keep-alive' || value === 'Keep-Alive') return KEEP_ALIVE;
    if (value === 'close') return CLOSE;
  }
  return readOptions(fields);
}

function readOptions(fields: Fields): Hop {
  const options = listMembers(fields, 'connection');
  const nominated = new Set(options.filter((name) => !NEVER_NOMINATED.has(name)));
  const hop = {
    close: options.includes('close'),
    keepAlive: options.includes('keep-alive'),
    upgrade: options.includes('upgrade') ? upgradeOf(fields) : undefined,
    trailers: listMembers(fields, 'te').some((member) => /^trailers\s*(?:;|$)/.test(member)),
    nominates: options.some((name) => !OWN_OPTIONS.has(name)),
  };
  if (nominated.size > 0) fields.removeWhere((name) => nominated.has(name));
  return hop;
}

/**
 * `Upgrade: h2c` is not passed on: inside the tunnel requests would escape authorization, and RFC 9113
 * section 3.1 has dropped it. Other protocols become tunnels that are authorized as the request that opens them.
 */
function upgradeOf(fields: Fields): string | undefined {
  const protocols = listMembers(fields, 'upgrade').filter((name) => !isOfHttp(name));
  return protocols.length === 0 ? undefined : protocols.join(', ');
}

/** A body of unknown length is chunked to HTTP/1.1 and ends with the connection to HTTP/1.0. */
export function framingFor(framing: Framing, minorVersion: number): Framing {
  if (framing.type === 'none' || framing.type === 'length') return framing;
  return minorVersion === 1 ? CHUNKED : UNTIL_CLOSE;
}

/** Whether a protocol, in lower case, is HTTP itself: a tunnel of it would hold requests that nobody judges. */
export function isOfHttp(protocol: string): boolean {
  return /^(?:h2|h3|http\/)/.test(protocol);
}
