import { type Fields, parseFields } from './fields.ts';
import { declaredFraming, type Framing, NO_BODY, takeHopByHop } from './framing.ts';
import { checkQuery, normalizeHost, normalizePath } from './normal-form.ts';
import { bad } from './syntax-error.ts';

/** A request as understood: in normal form, without the fields of the hop it came over. */
export interface RequestHead {
  readonly method: string;
  /** what is forwarded: origin form in normal form, `*`, or host and port for CONNECT */
  readonly target: string;
  /** path in normal form, without query; undefined for `*` and CONNECT, which have none */
  readonly path: string | undefined;
  /** see NormalPath.ambiguous */
  readonly ambiguousPath: boolean;
  /** in normal form; empty when an HTTP/1.0 request named none */
  readonly host: string;
  /** 0 for HTTP/1.0 */
  readonly minorVersion: number;
  readonly fields: Fields;
  readonly framing: Framing;
  readonly keepAlive: boolean;
  readonly upgrade: string | undefined;
  readonly acceptsTrailers: boolean;
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) ([^ ]+) HTTP\/1\.([01])$/;

/** `text`: a header section without its last empty line, as latin1. Throws HttpSyntaxError. */
export function parseRequestHead(text: string): RequestHead {
  const lineEnd = text.indexOf('\r\n');
  const line = lineEnd === -1 ? text : text.slice(0, lineEnd);
  const match = REQUEST_LINE.exec(line);
  if (match === null) return bad('RFC 9112 3', 'malformed request line');
  const method = match[1]!;
  const minorVersion = match[3] === '1' ? 1 : 0;
  const fields = lineEnd === -1 ? parseFields('', 0) : parseFields(text, lineEnd + 2);
  const framing = declaredFraming(fields, minorVersion) ?? NO_BODY;
  if (method === 'CONNECT' && framing.type !== 'none') bad('RFC 9110 9.3.6', 'CONNECT with a body');
  const named = takeHost(fields, minorVersion);
  const hop = takeHopByHop(fields);
  return {
    method,
    ...parseTarget(method, match[2]!, named),
    minorVersion,
    fields,
    framing,
    keepAlive: minorVersion === 1 ? !hop.close : hop.keepAlive && !hop.close,
    upgrade: minorVersion === 1 && method !== 'CONNECT' ? hop.upgrade : undefined,
    acceptsTrailers: hop.trailers,
  };
}

type Target = Pick<RequestHead, 'target' | 'path' | 'ambiguousPath' | 'host'>;

function parseTarget(method: string, target: string, named: string): Target {
  if (method === 'CONNECT') return authorityForm(target);
  if (target.startsWith('/')) return originForm(target, named);
  if (target === '*') {
    if (method !== 'OPTIONS') bad('RFC 9112 3.2.4', 'asterisk form is for OPTIONS only');
    return { target, path: undefined, ambiguousPath: false, host: named };
  }
  return absoluteForm(method, target);
}

function originForm(target: string, host: string): Target {
  const mark = target.indexOf('?');
  const { path, ambiguous } = normalizePath(mark === -1 ? target : target.slice(0, mark));
  const query = mark === -1 ? '' : target.slice(mark);
  checkQuery(query);
  return { target: path + query, path, ambiguousPath: ambiguous, host };
}

/** The authority of the target replaces Host (RFC 9112 3.2.2). */
function absoluteForm(method: string, target: string): Target {
  const match = /^http:\/\/([^/?#]+)([/?].*)?$/i.exec(target);
  if (match === null) return bad('RFC 9112 3.2', 'unknown form of request target');
  const host = normalizeHost(match[1]!);
  const rest = match[2];
  if (rest === undefined && method === 'OPTIONS') {
    return { target: '*', path: undefined, ambiguousPath: false, host };
  }
  return originForm(rest === undefined ? '/' : rest.startsWith('?') ? `/${rest}` : rest, host);
}

function authorityForm(target: string): Target {
  const port = /:([0-9]{1,5})$/.exec(target)?.[1];
  if (port === undefined) return bad('RFC 9112 3.2.3', 'CONNECT needs host and port');
  const host = normalizeHost(target);
  const authority = host.endsWith(`:${Number(port)}`) ? host : `${host}:${Number(port)}`;
  return { target: authority, path: undefined, ambiguousPath: false, host: authority };
}

/** Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 3.2). */
function takeHost(fields: Fields, minorVersion: number): string {
  const hosts = fields.getAll('host');
  if (hosts.length > 1) bad('RFC 9112 3.2', 'more than one Host');
  if (hosts.length === 0) {
    if (minorVersion === 1) bad('RFC 9112 3.2', 'no Host');
    return '';
  }
  fields.removeWhere((key) => key === 'host');
  return normalizeHost(hosts[0]!);
}

/** `fallbackHost` stands in when an HTTP/1.0 request named no host, since HTTP/1.1 goes out. */
export function serializeRequestHead(head: RequestHead, fallbackHost: string): string {
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${head.host === '' ? fallbackHost : head.host}\r\n`;
  text += head.fields.serialize();
  if (head.framing.type === 'length') text += `Content-Length: ${head.framing.length}\r\n`;
  if (head.framing.type === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  if (head.upgrade !== undefined) return `${text}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
  return head.acceptsTrailers ? `${text}TE: trailers\r\nConnection: TE\r\n\r\n` : `${text}\r\n`;
}
