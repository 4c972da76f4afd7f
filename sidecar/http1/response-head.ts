import { FIELD_VALUE, isAll, SP } from './characters.ts';
import { FIELD } from './field-names.ts';
import { FieldLines, type Fields } from './fields.ts';
import { declaredFraming, type Framing, NO_BODY, takeHopByHop, UNTIL_CLOSE } from './framing.ts';
import { bad } from './syntax-error.ts';

/** A response as understood, without the fields of the hop it came over. */
export class ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly framing: Framing;
  /** Content-Length that describes a body which is not sent, to HEAD and 304; else -1 */
  readonly describedLength: number;
  readonly keepAlive: boolean;
  /** `Keep-Alive: timeout`, seconds; -1: not said */
  readonly keepAliveSeconds: number;
  readonly upgrade: string | undefined;
  readonly dropsTrailers: boolean;

  constructor(
    status: number,
    reason: string,
    fields: Fields,
    framing: Framing,
    more: {
      describedLength?: number;
      keepAlive?: boolean;
      keepAliveSeconds?: number;
      upgrade?: string | undefined;
      dropsTrailers?: boolean;
    },
  ) {
    this.status = status;
    this.reason = reason;
    this.fields = fields;
    this.framing = framing;
    this.describedLength = more.describedLength ?? -1;
    this.keepAlive = more.keepAlive ?? true;
    this.keepAliveSeconds = more.keepAliveSeconds ?? -1;
    this.upgrade = more.upgrade;
    this.dropsTrailers = more.dropsTrailers ?? false;
  }
}

const VERSION = 'HTTP/1.';
const STATUS_AT = 9;
const REASON_AT = 12;

/**
 * `method` is the request's: what a body is depends on it (RFC 9112 6.3). `fields` is filled and becomes part
 * of the head. Throws HttpSyntaxError.
 */
export function parseResponseHead(
  text: string,
  method: string,
  fields: Fields = new FieldLines(),
): ResponseHead {
  const found = text.indexOf('\r\n');
  const lineEnd = found === -1 ? text.length : found;
  const minor = text.charCodeAt(VERSION.length) - 0x30;
  const status = statusAt(text);
  const isLine = text.startsWith(VERSION) && (minor === 0 || minor === 1) && text.charCodeAt(8) === SP;
  if (!isLine || status === 0 || lineEnd < REASON_AT) return bad('RFC 9112 4', 'malformed status line');
  const reason = reasonOf(text, lineEnd);
  fields.read(text, lineEnd + 2);
  const declared = declaredFraming(fields, minor);
  const keepAliveSeconds = readKeepAlive(fields);
  const hop = takeHopByHop(fields);
  const framing = hasNoBody(status, method) ? NO_BODY : (declared ?? UNTIL_CLOSE);
  const mayPersist = minor === 1 ? !hop.close : hop.keepAlive && !hop.close;
  return new ResponseHead(status, reason, fields, framing, {
    describedLength: describedLength(status, method, declared),
    keepAlive: framing.type !== 'close' && mayPersist,
    keepAliveSeconds,
    upgrade: status === 101 ? hop.upgrade : undefined,
    dropsTrailers: hop.nominates,
  });
}

/** 0: not a status. */
function statusAt(text: string): number {
  const hundreds = text.charCodeAt(STATUS_AT) - 0x30;
  const tens = text.charCodeAt(STATUS_AT + 1) - 0x30;
  const ones = text.charCodeAt(STATUS_AT + 2) - 0x30;
  const isStatus = hundreds >= 1 && hundreds <= 5 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
  return isStatus ? hundreds * 100 + tens * 10 + ones : 0;
}

function reasonOf(text: string, lineEnd: number): string {
  if (lineEnd === REASON_AT) return '';
  const reason = text.slice(REASON_AT + 1, lineEnd);
  if (text.charCodeAt(REASON_AT) !== SP || (reason !== 'OK' && !isAll(FIELD_VALUE, reason))) {
    bad('RFC 9112 4', 'malformed status line');
  }
  return reason;
}

function readKeepAlive(fields: Fields): number {
  if (fields.count(FIELD.keepAlive) === 0) return -1;
  const seconds = /(?:^|[,\s])timeout=([0-9]{1,6})/i.exec(fields.first(FIELD.keepAlive))?.[1];
  return seconds === undefined ? -1 : Number(seconds);
}

function hasNoBody(status: number, method: string): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304 || opensTunnel(status, method);
}

export function opensTunnel(status: number, method: string): boolean {
  return method === 'CONNECT' && status >= 200 && status < 300;
}

function describedLength(status: number, method: string, declared: Framing | undefined): number {
  if (declared?.type !== 'length' || status < 200 || status === 204) return -1;
  return method === 'HEAD' || status === 304 ? declared.length : -1;
}

/** `connection`: the value of the Connection field on the next hop, if any. */
export function serializeResponseHead(
  head: ResponseHead,
  framing: Framing,
  connection: string | undefined,
): string {
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.fields.serialize()}`;
  if (framing.type === 'length') text += `Content-Length: ${framing.length}\r\n`;
  else if (framing.type === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  else if (head.describedLength !== -1) text += `Content-Length: ${head.describedLength}\r\n`;
  if (head.upgrade !== undefined) text += `Upgrade: ${head.upgrade}\r\n`;
  if (connection !== undefined) text += `Connection: ${connection}\r\n`;
  return `${text}\r\n`;
}
