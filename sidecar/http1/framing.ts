import { type Fields, listMembers } from './fields.ts';
import { bad } from './syntax-error.ts';

/** How long a body is (RFC 9112 section 6). */
export type Framing =
  | { readonly type: 'none' }
  | { readonly type: 'length'; readonly length: number }
  | { readonly type: 'chunked' }
  /** until the connection ends; responses only */
  | { readonly type: 'close' };

export const NO_BODY: Framing = { type: 'none' };
export const CHUNKED: Framing = { type: 'chunked' };
export const UNTIL_CLOSE: Framing = { type: 'close' };

/**
 * What the fields say, or undefined when they say nothing. Refuses what recipients are known to read
 * differently: both fields, a repeated or odd Content-Length, any Transfer-Encoding but exactly `chunked`,
 * and Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1, 6.3).
 */
export function declaredFraming(fields: Fields, minorVersion: number): Framing | undefined {
  const lengths = fields.getAll('content-length');
  const encodings = fields.getAll('transfer-encoding');
  if (encodings.length > 0) {
    if (lengths.length > 0) bad('RFC 9112 6.3', 'both Content-Length and Transfer-Encoding');
    if (encodings.length > 1 || encodings[0]!.toLowerCase() !== 'chunked') {
      bad('RFC 9112 6.1', 'Transfer-Encoding other than chunked');
    }
    if (minorVersion === 0) bad('RFC 9112 6.1', 'Transfer-Encoding in HTTP/1.0');
    return CHUNKED;
  }
  if (lengths.length === 0) return undefined;
  if (lengths.length > 1) bad('RFC 9112 6.3', 'repeated Content-Length');
  return { type: 'length', length: parseLength(lengths[0]!) };
}

function parseLength(value: string): number {
  if (!/^[0-9]{1,15}$/.test(value)) bad('RFC 9110 8.6', 'invalid Content-Length');
  return Number(value);
}

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'content-length',
  'te',
  'upgrade',
]);
/** Named in Connection or not, these describe the message and stay (framing is written anew anyway). */
const NEVER_NOMINATED: ReadonlySet<string> = new Set(['host', 'date', 'expect', 'trailer']);

/** What the Connection field and its companions say about this hop. */
export interface Hop {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: string | undefined;
  readonly trailers: boolean;
}

/**
 * Takes the fields of this hop out: Connection, what it names, and the ones that are hop-by-hop by nature
 * (RFC 9110 7.6.1). Framing fields go too; they are written anew from what was understood.
 */
export function takeHopByHop(fields: Fields): Hop {
  const options = listMembers(fields, 'connection');
  const hop = {
    close: options.includes('close'),
    keepAlive: options.includes('keep-alive'),
    upgrade: options.includes('upgrade') ? upgradeOf(fields) : undefined,
    trailers: listMembers(fields, 'te').some((member) => /^trailers\s*(?:;|$)/.test(member)),
  };
  const nominated = new Set(options.filter((name) => !NEVER_NOMINATED.has(name)));
  fields.removeWhere((key) => HOP_BY_HOP.has(key) || nominated.has(key));
  return hop;
}

/**
 * `Upgrade: h2c` is not passed on: inside the tunnel requests would escape authorization, and RFC 9113
 * section 3.1 has dropped it. Other protocols become tunnels that are authorized as the request that opens them.
 */
function upgradeOf(fields: Fields): string | undefined {
  const protocols = listMembers(fields, 'upgrade').filter((name) => !/^(?:h2|h3|http\/)/.test(name));
  return protocols.length === 0 ? undefined : protocols.join(', ');
}
