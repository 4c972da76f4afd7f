import { Fields, parseFields } from './fields.ts';
import { declaredFraming, type Framing, NO_BODY, takeHopByHop, UNTIL_CLOSE } from './framing.ts';
import { bad } from './syntax-error.ts';

/** A response as understood, without the fields of the hop it came over. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly framing: Framing;
  /** Content-Length that describes a body which is not sent: to HEAD, and 304 */
  readonly describedLength: number | undefined;
  readonly keepAlive: boolean;
  /** `Keep-Alive: timeout`, seconds */
  readonly keepAliveSeconds: number | undefined;
  readonly upgrade: string | undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?$/;

/** `method` is the request's: what a body is depends on it (RFC 9112 6.3). Throws HttpSyntaxError. */
export function parseResponseHead(text: string, method: string): ResponseHead {
  const lineEnd = text.indexOf('\r\n');
  const match = STATUS_LINE.exec(lineEnd === -1 ? text : text.slice(0, lineEnd));
  if (match === null) return bad('RFC 9112 4', 'malformed status line');
  const minorVersion = match[1] === '1' ? 1 : 0;
  const status = Number(match[2]);
  const fields = lineEnd === -1 ? new Fields() : parseFields(text, lineEnd + 2);
  const declared = declaredFraming(fields, minorVersion);
  const keepAliveSeconds = /(?:^|[,\s])timeout=([0-9]{1,6})/i.exec(fields.get('keep-alive') ?? '')?.[1];
  const hop = takeHopByHop(fields);
  const bodyless = hasNoBody(status, method);
  const framing = bodyless ? NO_BODY : (declared ?? UNTIL_CLOSE);
  return {
    status,
    reason: match[3] ?? '',
    fields,
    framing,
    describedLength: describedLength(status, method, declared),
    keepAlive: framing.type !== 'close' && (minorVersion === 1 ? !hop.close : hop.keepAlive && !hop.close),
    keepAliveSeconds: keepAliveSeconds === undefined ? undefined : Number(keepAliveSeconds),
    upgrade: status === 101 ? hop.upgrade : undefined,
  };
}

function hasNoBody(status: number, method: string): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304 || opensTunnel(status, method);
}

export function opensTunnel(status: number, method: string): boolean {
  return method === 'CONNECT' && status >= 200 && status < 300;
}

function describedLength(status: number, method: string, declared: Framing | undefined): number | undefined {
  if (declared?.type !== 'length' || status < 200 || status === 204) return undefined;
  return method === 'HEAD' || status === 304 ? declared.length : undefined;
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
  else if (head.describedLength !== undefined) text += `Content-Length: ${head.describedLength}\r\n`;
  if (head.upgrade !== undefined) text += `Upgrade: ${head.upgrade}\r\n`;
  if (connection !== undefined) text += `Connection: ${connection}\r\n`;
  return `${text}\r\n`;
}
