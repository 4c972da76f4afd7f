import net from 'node:net';
import tls, { type SecureContext, type TLSSocket } from 'node:tls';
import type { Identity } from '../proxy-state.ts';
import { type Dial, type DialFailure, type DialOptions, type DialResult, settleOnce } from './dial.ts';
import { secureContextOptions } from './mtls-server.ts';
import { parseCertificate, readPeer, SERVER_AUTH } from './peer-certificate.ts';
import { type TlsSession, TlsSessions } from './tls-sessions.ts';

export interface MtlsDialOptions extends Omit<DialOptions, 'localAddress'> {
  /** one of ALPN */
  readonly alpn: string;
  /** taken by an endpoint that does not know the other */
  readonly fallbackAlpn?: string;
  /** the only identity accepted */
  readonly spiffeId: string;
}

/** The client side of mTLS. There is no way to dial without an expected identity. */
export class MtlsClient {
  #context: SecureContext | undefined;
  #sessions = new TlsSessions();

  /** @param isWider the same, with more roots than before */
  setIdentity(identity: Identity, isWider = false): void {
    this.#context = tls.createSecureContext(secureContextOptions(identity));
    // a session made under another trust bundle proves nothing under this one, unless that has all of its roots
    if (!isWider) this.#sessions = new TlsSessions();
  }

  dial(options: MtlsDialOptions): Dial {
    return (done) => {
      const context = this.#context;
      if (context === undefined || options.spiffeId === '') {
        done(mismatch(context === undefined ? 'no identity yet' : 'no identity to expect'));
        return () => {};
      }
      return new MtlsDialling(options, context, this.#sessions).start(done);
    };
  }
}

/** One connection on its way. */
class MtlsDialling {
  readonly #options: MtlsDialOptions;
  readonly #context: SecureContext;
  readonly #sessions: TlsSessions;
  readonly #sessionKey: string;
  readonly #session: TlsSession | undefined;
  /** until when what the endpoint has proven holds; undefined: it has proven nothing */
  #provenUntilMs: number | undefined;
  #refusal: DialFailure | undefined;

  constructor(options: MtlsDialOptions, context: SecureContext, sessions: TlsSessions) {
    this.#options = options;
    this.#context = context;
    this.#sessions = sessions;
    this.#sessionKey = `${options.host}|${options.port}|${options.spiffeId}|${options.alpn}`;
    this.#session = sessions.take(this.#sessionKey);
  }

  start(done: (result: DialResult) => void): () => void {
    const { host, port } = this.#options;
    const raw = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
    const socket = tls.connect({
      socket: raw,
      secureContext: this.#context,
      ALPNProtocols: [...this.#alpns],
      ...(this.#session === undefined ? {} : { session: this.#session.ticket }),
      rejectUnauthorized: true,
      // the name of the host proves nothing here; the SPIFFE ID does
      checkServerIdentity: (_host, certificate) => this.#checkIdentity(certificate.raw),
    });
    raw.on('error', (error) => socket.destroy(error));
    socket.on('session', (ticket) => {
      const provenUntilMs = this.#provenUntilMs;
      if (provenUntilMs !== undefined) this.#sessions.keep(this.#sessionKey, { ticket, provenUntilMs });
    });
    const check = (error?: Error) =>
      error === undefined ? this.#checkConnected(socket) : (this.#refusal ?? refusalOfError(error));
    const named = (result: DialResult) =>
      done(result.ok ? { ...result, alpn: socket.alpnProtocol as string } : result);
    return settleOnce(socket, 'secureConnect', this.#options, named, check, raw);
  }

  get #alpns(): readonly string[] {
    const { alpn, fallbackAlpn } = this.#options;
    return fallbackAlpn === undefined ? [alpn] : [alpn, fallbackAlpn];
  }

  /** Of a full handshake; called once the chain is verified. */
  #checkIdentity(der: Buffer | undefined): Error | undefined {
    if (der === undefined) return this.#refuse('no certificate');
    const certificate = parseCertificate(der);
    const peer = readPeer(certificate, SERVER_AUTH);
    if (!peer.ok) return this.#refuse(peer.reason);
    const { spiffeId } = this.#options;
    if (peer.spiffeId !== spiffeId)
      return this.#refuse(`the endpoint is ${peer.spiffeId}, expected ${spiffeId}`);
    this.#provenUntilMs = Date.parse(certificate.validTo);
    return undefined;
  }

  #refuse(reason: string): Error {
    this.#refusal = mismatch(reason);
    return new Error(reason);
  }

  /** It must hold however we came here. */
  #checkConnected(socket: TLSSocket): DialFailure | undefined {
    // the ticket is worth as much as the handshake it comes from, and it comes from one with this identity
    if (socket.isSessionReused()) this.#provenUntilMs = this.#session?.provenUntilMs;
    const isProven = this.#provenUntilMs !== undefined && Date.now() <= this.#provenUntilMs;
    if (!socket.authorized || !isProven) return mismatch('the endpoint was not authenticated');
    const alpn = socket.alpnProtocol;
    if (typeof alpn === 'string' && this.#alpns.includes(alpn)) return undefined;
    return mismatch(`the endpoint does not speak ${this.#options.alpn}`);
  }
}

/** Verification errors of OpenSSL come with these codes (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const CERTIFICATE_ERROR =
  /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|ERR_TLS_CERT|HOSTNAME|CRL_)/;

function refusalOfError(error: Error): DialFailure | undefined {
  const code = (error as { code?: unknown }).code;
  const isCertificate = typeof code === 'string' && CERTIFICATE_ERROR.test(code);
  return isCertificate ? mismatch(`${code}: ${error.message}`) : undefined;
}

function mismatch(reason: string): DialFailure {
  return { ok: false, code: 'identity-mismatch', reason };
}
