import type { X509Certificate } from 'node:crypto';
import type { Http2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type PeerIdentity, readPeer } from '../identity/peer.ts';
import type { Workload } from '../mesh/model.ts';
import type { TokenHolder } from '../platform.ts';

export interface StreamPeer {
  readonly workload: Workload;
  readonly proxyId: string;
  /** the leaf it showed */
  readonly certificate: X509Certificate;
}

/**
 * Who is at the other end: a certificate that chains to our root, with one SPIFFE ID of our trust domain and one
 * DNS name, the proxy id, of a live workload that runs as just this service account. Returns a text that says
 * why not otherwise; it is told to the peer, so it names nothing the peer has not shown.
 */
export function authenticate(
  session: Http2Session | undefined,
  trustDomain: string,
  nowMs: number,
  find: (proxyId: string) => Workload | undefined,
): StreamPeer | string {
  const shown = readShown(session, trustDomain, nowMs);
  if (typeof shown === 'string') return shown;
  const { peer, certificate } = shown;
  const [proxyId] = peer.dnsNames;
  if (proxyId === undefined || peer.dnsNames.length > 1) return 'the certificate does not name one proxy id';
  const workload = find(proxyId);
  if (workload === undefined) return 'the proxy id belongs to no live workload';
  if (workload.namespace !== peer.namespace || workload.serviceAccount !== peer.serviceAccount) {
    return 'the proxy id belongs to a workload of another identity';
  }
  return { workload, proxyId, certificate };
}

/** Undefined: the other end is this very identity. Otherwise a text that says why not. */
export function refusalOf(
  session: Http2Session | undefined,
  trustDomain: string,
  nowMs: number,
  spiffeId: string,
): string | undefined {
  const shown = readShown(session, trustDomain, nowMs);
  if (typeof shown === 'string') return shown;
  return shown.peer.spiffeId === spiffeId ? undefined : 'the certificate is of another identity';
}

function readShown(
  session: Http2Session | undefined,
  trustDomain: string,
  nowMs: number,
): { readonly peer: PeerIdentity; readonly certificate: X509Certificate } | string {
  const socket = session?.socket as TLSSocket | undefined;
  const certificate = socket?.getPeerX509Certificate?.();
  if (socket === undefined || certificate === undefined) return 'a client certificate is required';
  if (!socket.authorized) return 'the client certificate is not trusted';
  const peer = readPeer(certificate, trustDomain, nowMs);
  return typeof peer === 'string' ? peer : { peer, certificate };
}

/** Whether the holder of a projected token is the very pod that the proxy id is bound to. */
export function isBoundTo(holder: TokenHolder, workload: Workload): boolean {
  return (
    holder.podUid === workload.uid &&
    holder.pod === workload.name &&
    holder.namespace === workload.namespace &&
    holder.serviceAccount === workload.serviceAccount
  );
}
