import { X509Certificate } from 'node:crypto';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { ALPN_STREAM } from '../../api/names.ts';
import { refuseControlPlane } from './certificate.ts';
import type { Clock } from './clock.ts';

/** Where the control plane is, and how both sides prove who they are. */
export interface ControlPlaneTarget {
  readonly host: string;
  readonly port: number;
  /** the one identity accepted there; host names prove nothing */
  readonly spiffeId: string;
  /** PEM */
  readonly trustBundle: string;
  /** PEM; undefined before the first identity */
  readonly client: { readonly certificate: string; readonly privateKey: string } | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** An HTTP/2 session with the control plane, its identity verified. The caller closes it. */
export async function dialControlPlane(
  target: ControlPlaneTarget,
  clock: Clock,
  signal: AbortSignal,
): Promise<ClientHttp2Session> {
  const socket = await handshake(target, clock, signal);
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const session = connectHttp2(`https://${host}:${target.port}`, {
    createConnection: () => socket,
    settings: { enablePush: false },
  });
  // every user of the session listens to its stream; without a listener here an error would end the process
  session.on('error', () => session.destroy());
  return session;
}

function handshake(target: ControlPlaneTarget, clock: Clock, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: target.host,
      port: target.port,
      ca: target.trustBundle,
      ...(target.client && { cert: target.client.certificate, key: target.client.privateKey }),
      ALPNProtocols: [ALPN_STREAM],
      minVersion: 'TLSv1.3',
      rejectUnauthorized: true,
      checkServerIdentity: (_host, peer) => refusal(peer.raw, target.spiffeId),
    });
    const cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () => fail(new Error('no answer within 10 s')));
    const abort = () => fail(new Error('stopped'));
    const settle = () => {
      cancelTimer();
      signal.removeEventListener('abort', abort);
    };
    const fail = (error: Error) => {
      settle();
      socket.destroy();
      reject(error);
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    socket.setNoDelay(true);
    // stays: settling twice is harmless, an error without a listener is not
    socket.on('error', fail);
    const closed = () => fail(new Error('the connection was closed during the handshake'));
    socket.once('close', closed);
    socket.once('secureConnect', () => {
      const refused = refuseSocket(socket, target.spiffeId);
      if (refused !== undefined) return fail(new Error(refused));
      settle();
      socket.removeListener('close', closed);
      resolve(socket);
    });
  });
}

function refusal(raw: Buffer, expectedId: string): Error | undefined {
  const reason = refuseControlPlane(new X509Certificate(raw), expectedId);
  return reason === undefined ? undefined : new Error(reason);
}

/** Said twice, because the callback above is only called when OpenSSL is content. */
function refuseSocket(socket: TLSSocket, expectedId: string): string | undefined {
  if (!socket.authorized) return 'its certificate is not trusted';
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return 'it showed no certificate';
  if (socket.alpnProtocol !== ALPN_STREAM) return 'it does not speak HTTP/2';
  return refuseControlPlane(certificate, expectedId);
}
