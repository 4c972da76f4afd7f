import { normalizeHost } from '../http1/normal-form.ts';
import type { RequestHead } from '../http1/request-head.ts';

/** The name of a host in normal form, without its port; an IPv6 address without brackets. */
export function nameOf(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  const colon = host.indexOf(':');
  return colon === -1 ? host : host.slice(0, colon);
}

/** Where a request goes: CONNECT names the port of its tunnel (RFC 9110 9.3.6), any other goes where it was dialled. */
export function portOf(head: RequestHead, originalPort: number): number {
  return head.method === 'CONNECT' ? Number(head.host.slice(head.host.lastIndexOf(':') + 1)) : originalPort;
}

/** A server name of a ClientHello in normal form; empty: it is none. Addresses and ports do not belong there (RFC 6066 3). */
export function serverNameOf(text: string): string {
  if (/[:[]/.test(text)) return '';
  try {
    return normalizeHost(text);
  } catch {
    return '';
  }
}
