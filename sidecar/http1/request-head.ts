import { isAll, TOKEN } from './characters.ts';
import { FIELD } from './field-names.ts';
import { FieldLines, type Fields } from './fields.ts';
import { declaredFraming, type Framing, HOST_ONLY, type Hop, NO_BODY, takeHopByHop } from './framing.ts';
import { checkQuery, isPlainTarget, normalizeHost, normalizePath } from './normal-form.ts';
import { bad } from './syntax-error.ts';

/** A request as understood: in normal form, without the fields of the hop it came over. */
export class RequestHead {
  readonly method: string;
  /** what is forwarded: origin form in normal form, `*`, or host and port for CONNECT */
  target = '';
  /** path in normal form, without query; undefined for `*` and CONNECT, which have none */
  path: string | undefined = undefined;
  /** raw, without the question mark; empty when there is none */
  query = '';
  /** see NormalPath.ambiguous */
  ambiguousPath = false;
  /** in normal form; empty when an HTTP/1.0 request named none */
  host: string;
  /** 0 for HTTP/1.0 */
  readonly minorVersion: number;
  readonly fields: Fields;
  readonly framing: Framing;
  readonly keepAlive: boolean;
  readonly upgrade: string | undefined;
  readonly acceptsTrailers: boolean;
  readonly dropsTrailers: boolean;

  constructor(
    method: string,
    host: string,
    minorVersion: number,
    fields: Fields,
    framing: Framing,
    hop: Hop,
  ) {
    this.method = method;
    this.host = host;
    this.minorVersion = minorVersion;
    this.fields = fields;
    this.framing = framing;
    this.keepAlive = minorVersion === 1 ? !hop.close : hop.keepAlive && !hop.close;
    this.upgrade = minorVersion === 1 && method !== 'CONNECT' ? hop.upgrade : undefined;
    this.acceptsTrailers = hop.trailers;
    this.dropsTrailers = hop.nominates;
  }

  /** The same request, whatever becomes of this object, which is used for one message only but for its fields. */
  copy(): RequestHead {
    const copy: RequestHead = Object.create(RequestHead.prototype);
    return Object.assign(copy, this, { fields: this.fields.copy() });
  }

  /** The value of a header, several lines joined; what routes and rules ask for. */
  header(name: string): string | undefined {
    // these are not among the fields, and are written anew
    if (name === 'host') return this.host;
    if (name === 'upgrade') return this.upgrade;
    if (name === 'content-length' && this.framing.type === 'length') return String(this.framing.length);
    if (name === 'transfer-encoding' && this.framing.type === 'chunked') return 'chunked';
    const values = this.fields.getAll(name);
    return values.length <= 1 ? values[0] : values.join(', ');
  }

  /** What came under names that gateways to applications do not tell from this one, joined. */
  alikes(name: string): string | undefined {
    const values = this.fields.getAlikes(name);
    return values.length === 0 ? undefined : values.join(', ');
  }
}

const VERSION = ' HTTP/1.';
const MAX_METHOD_LENGTH = 64;

/**
 * `text`: a header section without its last empty line, as latin1. `fields` is filled and becomes part of the
 * head. Throws HttpSyntaxError.
 */
export function parseRequestHead(text: string, fields: Fields = new FieldLines()): RequestHead {
  const found = text.indexOf('\r\n');
  const lineEnd = found === -1 ? text.length : found;
  const methodEnd = text.indexOf(' ');
  const targetEnd = lineEnd - VERSION.length - 1;
  const minor = text.charCodeAt(lineEnd - 1) - 0x30;
  if (
    methodEnd < 1 ||
    targetEnd <= methodEnd + 1 ||
    !text.startsWith(VERSION, targetEnd) ||
    (minor !== 0 && minor !== 1)
  ) {
    return bad('RFC 9112 3', 'malformed request line');
  }
  const method = text.slice(0, methodEnd);
  if (!isMethod(method)) bad('RFC 9112 3', 'malformed request line');
  const target = text.slice(methodEnd + 1, targetEnd);
  fields.read(text, lineEnd + 2);
  const framing = declaredFraming(fields, minor) ?? NO_BODY;
  if (method === 'CONNECT' && framing.type !== 'none') bad('RFC 9110 9.3.6', 'CONNECT with a body');
  // RFC 9110 10.1.1: the client would not understand the interim response
  if (minor === 0) fields.removeWhere((name) => name === 'expect');
  const named = takeHost(fields, minor);
  const head = new RequestHead(method, named, minor, fields, framing, takeHopByHop(fields));
  readTarget(head, target);
  return head;
}

function isMethod(method: string): boolean {
  return (
    method === 'GET' || method === 'POST' || (method.length <= MAX_METHOD_LENGTH && isAll(TOKEN, method))
  );
}

function readTarget(head: RequestHead, target: string): void {
  if (head.method === 'CONNECT') return void readAuthority(head, target);
  if (target.charCodeAt(0) === 0x2f) return void readOrigin(head, target);
  if (target === '*') {
    if (head.method !== 'OPTIONS') bad('RFC 9112 3.2.4', 'asterisk form is for OPTIONS only');
    head.target = target;
    return;
  }
  readAbsolute(head, target);
}

/** Origin form of the target (RFC 9112 3.2.1). */
export function readOrigin(head: RequestHead, target: string): void {
  const mark = target.indexOf('?');
  const raw = mark === -1 ? target : target.slice(0, mark);
  if (mark !== -1) head.query = target.slice(mark + 1);
  if (isPlainTarget(target)) {
    head.target = target;
    head.path = raw;
    return;
  }
  const { path, ambiguous } = normalizePath(raw);
  checkQuery(head.query);
  head.target = mark === -1 ? path : path + target.slice(mark);
  head.path = path;
  head.ambiguousPath = ambiguous;
}

/** The authority of the target replaces Host (RFC 9112 3.2.2). */
function readAbsolute(head: RequestHead, target: string): void {
  const match = /^http:\/\/([^/?#]+)([/?].*)?$/i.exec(target);
  if (match === null) return void bad('RFC 9112 3.2', 'unknown form of request target');
  head.host = normalizeHost(match[1]!);
  const rest = match[2];
  if (rest === undefined && head.method === 'OPTIONS') {
    head.target = '*';
    return;
  }
  readOrigin(head, rest === undefined ? '/' : rest.startsWith('?') ? `/${rest}` : rest);
}

function readAuthority(head: RequestHead, target: string): void {
  const port = /:([0-9]{1,5})$/.exec(target)?.[1];
  if (port === undefined) return void bad('RFC 9112 3.2.3', 'CONNECT needs host and port');
  const host = normalizeHost(target);
  head.target = head.host = host.endsWith(`:${Number(port)}`) ? host : `${host}:${Number(port)}`;
}

/** Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 3.2). */
function takeHost(fields: Fields, minorVersion: number): string {
  const count = fields.count(FIELD.host);
  if (count > 1) bad('RFC 9112 3.2', 'more than one Host');
  if (count === 0) {
    if (minorVersion === 1) bad('RFC 9112 3.2', 'no Host');
    return '';
  }
  const host = normalizeHost(fields.first(FIELD.host));
  fields.drop(HOST_ONLY);
  return host;
}

/** `fallbackHost` stands in when an HTTP/1.0 request named no host, since HTTP/1.1 goes out. */
export function serializeRequestHead(head: RequestHead, fallbackHost: string): string {
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${head.host === '' ? fallbackHost : head.host}\r\n`;
  text += head.fields.serialize();
  if (head.framing.type === 'length') text += `Content-Length: ${head.framing.length}\r\n`;
  else if (head.framing.type === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  if (head.upgrade !== undefined) return `${text}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
  return head.acceptsTrailers ? `${text}TE: trailers\r\nConnection: TE\r\n\r\n` : `${text}\r\n`;
}
