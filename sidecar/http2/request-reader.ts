import { isAll, TARGET, TOKEN } from '../http1/characters.ts';
import { FIELD } from '../http1/field-names.ts';
import { CHUNKED, type Framing, type Hop, isOfHttp, NO_BODY } from '../http1/framing.ts';
import { isPlainTarget, normalizeHost } from '../http1/normal-form.ts';
import { RequestHead, readOrigin } from '../http1/request-head.ts';
import { bad } from '../http1/syntax-error.ts';
import { checkField, contentLength } from './field-rules.ts';
import { HeaderFields } from './header-fields.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { PSEUDO } from './hpack/header-name.ts';
import { malformed } from './message-error.ts';

const MAX_METHOD_LENGTH = 64;

const PLAIN: Hop = { close: false, keepAlive: true, upgrade: undefined, trailers: false, nominates: false };
const WITH_TRAILERS: Hop = { ...PLAIN, trailers: true };

/** Pseudo-header fields of the request under way; undefined: did not come. */
const pseudo = {
  method: undefined as string | undefined,
  scheme: undefined as string | undefined,
  authority: undefined as string | undefined,
  path: undefined as string | undefined,
  protocol: undefined as string | undefined,
};

/**
 * A request in the form the layers know from HTTP/1: in normal form, framing fields taken out. An extended CONNECT
 * (RFC 8441) becomes what it stands for, a GET with `upgrade`. Throws MessageError for what RFC 9113 section 8 calls
 * malformed, and HttpSyntaxError for a host or target that has no normal form.
 */
export function readRequest(list: readonly HeaderField[], count: number, endsStream: boolean): RequestHead {
  const first = readPseudo(list, count);
  const fields = new HeaderFields();
  let length = -1;
  let host: string | undefined;
  let acceptsTrailers = false;
  for (let index = first; index < count; index += 1) {
    const field = list[index]!;
    checkField(field);
    const { kind } = field.name;
    if (kind === FIELD.other || kind === FIELD.mesh) fields.push(field);
    else if (kind === FIELD.contentLength) length = contentLength(field.value, length);
    else if (kind === FIELD.te) acceptsTrailers = true;
    else if (kind === FIELD.host) {
      if (host !== undefined) malformed('RFC 9110 7.2', 'more than one Host');
      host = field.value;
    }
  }
  const hop = hopOf(acceptsTrailers);
  const head = new RequestHead(method(), authority(host), 1, fields, framingOf(length, endsStream), hop);
  readTarget(head);
  return head;
}

/** Returns where the other fields begin. Fields of the request before are forgotten. */
function readPseudo(list: readonly HeaderField[], count: number): number {
  pseudo.method = pseudo.scheme = pseudo.authority = pseudo.path = pseudo.protocol = undefined;
  let index = 0;
  for (; index < count; index += 1) {
    const field = list[index]!;
    if (field.name.pseudo === PSEUDO.none) break;
    setPseudo(field);
  }
  const isConnect = pseudo.method === 'CONNECT';
  if (pseudo.method === undefined) malformed('RFC 9113 8.3.1', 'no :method');
  if (isConnect && pseudo.protocol === undefined) {
    if (pseudo.scheme !== undefined || pseudo.path !== undefined || pseudo.authority === undefined) {
      malformed('RFC 9113 8.5', 'CONNECT has :authority and neither :scheme nor :path');
    }
    return index;
  }
  if (pseudo.protocol !== undefined && !isConnect) malformed('RFC 8441 4', ':protocol without CONNECT');
  if (pseudo.scheme === undefined || pseudo.path === undefined || pseudo.path === '') {
    malformed('RFC 9113 8.3.1', 'no :scheme or no :path');
  }
  return index;
}

function setPseudo(field: HeaderField): void {
  const { value } = field;
  switch (field.name.pseudo) {
    case PSEUDO.method:
      pseudo.method = once(pseudo.method, value);
      break;
    case PSEUDO.scheme:
      pseudo.scheme = once(pseudo.scheme, value);
      break;
    case PSEUDO.authority:
      pseudo.authority = once(pseudo.authority, value);
      break;
    case PSEUDO.path:
      pseudo.path = once(pseudo.path, value);
      break;
    case PSEUDO.protocol:
      pseudo.protocol = once(pseudo.protocol, value);
      break;
    default:
      malformed('RFC 9113 8.3', 'a pseudo-header that requests do not have');
  }
}

function once(before: string | undefined, value: string): string {
  if (before !== undefined) malformed('RFC 9113 8.3', 'a pseudo-header came twice');
  return value;
}

function method(): string {
  if (pseudo.protocol !== undefined) return 'GET';
  const text = pseudo.method!;
  if (text === 'GET' || text === 'POST') return text;
  if (text === '' || text.length > MAX_METHOD_LENGTH || !isAll(TOKEN, text)) {
    malformed('RFC 9110 9.1', 'the method is not a token');
  }
  return text;
}

/** Host stands in for :authority, and must not say anything else (RFC 9113 8.3.1). Empty: neither came. */
function authority(host: string | undefined): string {
  const named = pseudo.authority === undefined ? undefined : normalizeHost(pseudo.authority);
  if (host === undefined || host === pseudo.authority) return named ?? '';
  const normal = normalizeHost(host);
  if (named !== undefined && named !== normal) malformed('RFC 9113 8.3.1', ':authority and Host differ');
  return normal;
}

function hopOf(acceptsTrailers: boolean): Hop {
  if (pseudo.protocol !== undefined) return { ...PLAIN, upgrade: protocolName(), trailers: acceptsTrailers };
  return acceptsTrailers ? WITH_TRAILERS : PLAIN;
}

function protocolName(): string {
  const text = pseudo.protocol!;
  if (text === '' || !isAll(TOKEN, text)) malformed('RFC 8441 4', ':protocol is not a token');
  const name = text.toLowerCase();
  if (isOfHttp(name)) malformed('RFC 9113 3.1', 'a tunnel for HTTP itself');
  return name;
}

function framingOf(length: number, endsStream: boolean): Framing {
  if (pseudo.method === 'CONNECT') {
    if (length !== -1) malformed('RFC 9110 9.3.6', 'CONNECT with a Content-Length');
    return NO_BODY;
  }
  if (!endsStream) return length === -1 ? CHUNKED : { type: 'length', length };
  if (length > 0) malformed('RFC 9113 8.1.1', 'Content-Length of a body that does not come');
  return length === -1 ? NO_BODY : { type: 'length', length: 0 };
}

function readTarget(head: RequestHead): void {
  const target = pseudo.path;
  if (target === undefined) return void readConnect(head);
  if (target === '*') {
    if (head.method !== 'OPTIONS') malformed('RFC 9113 8.3.1', 'asterisk form is for OPTIONS only');
    head.target = target;
    return;
  }
  if (target.charCodeAt(0) !== 0x2f) malformed('RFC 9113 8.3.1', ':path does not begin with a slash');
  if (!isPlainTarget(target) && !isAll(TARGET, target)) {
    malformed('RFC 9112 3.2', 'character not allowed in a request target');
  }
  readOrigin(head, target);
}

function readConnect(head: RequestHead): void {
  const named = pseudo.authority!;
  const port = /:([0-9]{1,5})$/.exec(named)?.[1];
  if (port === undefined) bad('RFC 9113 8.5', 'CONNECT needs host and port');
  const suffix = `:${Number(port)}`;
  head.target = head.host = head.host.endsWith(suffix) ? head.host : head.host + suffix;
}
