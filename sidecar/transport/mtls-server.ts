import { Socket, type SocketConstructorOpts } from 'node:net';
import tls, { type SecureContextOptions, type TLSSocket } from 'node:tls';
import { ALPN } from '../../api/names.ts';
import type { WorkloadIdentity } from '../../api/spiffe.ts';
import type { Identity } from '../proxy-state.ts';
import { Channel } from './channel.ts';
import { enter, leave } from './flush.ts';
import { CLIENT_AUTH, hasExpired, readPeer } from './peer-certificate.ts';
import { rawOf, type StreamHandle } from './runtime.ts';
import type { Timers } from './timers.ts';

export type Handshake =
  | {
      readonly ok: true;
      readonly channel: Channel;
      readonly alpn: string;
      readonly spiffeId: string;
      readonly peer: WorkloadIdentity;
      /** since the epoch: the end of its certificate */
      readonly provenUntilMs: number;
      /** the peer was known from an earlier connection */
      readonly isResumed: boolean;
    }
  | { readonly ok: false; readonly reason: string };

type Settle = (result: Handshake) => void;

/**
 * The server side of mTLS for sockets whose first bytes were looked at. One tls.Server that never listens:
 * a hand-made server TLSSocket would leave `authorized` false and enforce nothing.
 */
export class MtlsServer {
  readonly #server: tls.Server;
  readonly #timers: Timers;
  /** by the socket under TLS: addresses are not known any more of a peer that is gone */
  readonly #pending = new Map<Socket, Settle>();
  #trustDomain: string | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
    this.#server = tls.createServer({
      requestCert: true,
      // refusing is ours, after the handshake, so that the reason can be counted
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN.http1, ALPN.http2, ALPN.tcp],
      allowHalfOpen: true,
      noDelay: true,
    });
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#server.on('tlsClientError', (error, socket) =>
      this.#pending.get(rawOf(socket))?.(refuse(error.message)),
    );
  }

  get handshakes(): number {
    return this.#pending.size;
  }

  /**
   * For new connections; those that exist keep what they were made with. A new context has new ticket keys, so a
   * session cannot bring back an identity that was verified under an older trust bundle.
   */
  setIdentity(identity: Identity): void {
    this.#trustDomain = identity.trustDomain;
    this.#server.setSecureContext(secureContextOptions(identity));
  }

  /** `bytes`: what was read of the socket. Calls `done` exactly once; a refused socket is destroyed. */
  handshake(channel: Channel, bytes: Buffer, timeoutMs: number, done: (result: Handshake) => void): void {
    if (this.#trustDomain === undefined) {
      channel.destroy();
      return void done(refuse('no identity yet'));
    }
    const socket = channel.detach(toSocket);
    if (socket === undefined) return void done(refuse('closed before the handshake'));
    const settle = (result: Handshake) => {
      if (!this.#pending.delete(socket)) return;
      timer.cancel();
      socket.off('close', onClose);
      if (!result.ok) socket.destroy();
      enter();
      try {
        done(result);
      } finally {
        leave();
      }
    };
    const onClose = () => settle(refuse('closed during the handshake'));
    const timer = this.#timers.after(timeoutMs, () => settle(refuse('handshake timed out')));
    this.#pending.set(socket, settle);
    socket.on('error', () => {});
    socket.once('close', onClose);
    socket.unshift(bytes);
    this.#server.emit('connection', socket);
  }

  /** Handshakes take milliseconds, so the oldest of too many is one that nobody means to finish. */
  abandonOldest(): void {
    const [oldest] = this.#pending.values();
    oldest?.(refuse('too many handshakes at once'));
  }

  #onSecure(socket: TLSSocket): void {
    socket.on('error', () => {});
    socket.pause();
    const raw = rawOf(socket);
    const settle = this.#pending.get(raw);
    if (settle === undefined) return void socket.destroy();
    settle(this.#verify(socket, raw));
  }

  #verify(socket: TLSSocket, raw: Socket): Handshake {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return refuse('no client certificate');
    // verified under the identity in force, since tickets end with it; what time has done meanwhile is not
    if (socket.isSessionReused() && hasExpired(certificate))
      return refuse('the resumed certificate has expired');
    if (!socket.authorized) return refuse(`client certificate refused: ${String(socket.authorizationError)}`);
    const peer = readPeer(certificate, CLIENT_AUTH);
    if (!peer.ok) return peer;
    if (peer.identity.trustDomain !== this.#trustDomain) return refuse('another trust domain');
    const alpn = socket.alpnProtocol;
    if (alpn === null || alpn === false) return refuse('no ALPN protocol');
    const channel = Channel.over(socket, raw);
    if (channel === undefined) return refuse('closed during the handshake');
    const isResumed = socket.isSessionReused();
    const provenUntilMs = Date.parse(certificate.validTo);
    return {
      ok: true,
      channel,
      alpn,
      spiffeId: peer.spiffeId,
      peer: peer.identity,
      provenUntilMs,
      isResumed,
    };
  }
}

/** A stream for the handshake only: Node's TLS needs one to begin with. */
function toSocket(handle: StreamHandle): Socket {
  const options = { handle, allowHalfOpen: true, pauseOnCreate: true };
  return new Socket(options as unknown as SocketConstructorOpts);
}

export function secureContextOptions(identity: Identity): SecureContextOptions {
  return {
    cert: identity.certificate,
    key: identity.privateKey,
    ca: identity.trustBundle,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
  };
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
