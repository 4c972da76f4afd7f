import { randomBytes } from 'node:crypto';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';

/**
 * A WebSocket that was asked for over HTTP/2 goes on over HTTP/1, where client and server prove to each other that they
 * mean it; in HTTP/2 nobody does (RFC 8441 5). False: it is another Upgrade, which has no other form.
 */
export function toHttp1({ upgrade, fields }: RequestHead): boolean {
  if (upgrade?.toLowerCase() !== 'websocket') return false;
  fields.remove('sec-websocket-key');
  fields.add('Sec-WebSocket-Key', randomBytes(16).toString('base64'));
  return true;
}

/** The answer to what `toHttp1` made. */
export function fromHttp1({ fields }: ResponseHead): void {
  fields.remove('sec-websocket-accept');
}
