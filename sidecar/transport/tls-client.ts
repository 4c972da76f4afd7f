import net, { isIP } from 'node:net';
import tls, { type PeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { type Dial, type DialFailure, type DialOptions, type DialResult, settleOnce } from './dial.ts';
import { type TlsSession, TlsSessions } from './tls-sessions.ts';

export interface TlsDialOptions extends Omit<DialOptions, 'localAddress'> {
  /** the host name or address that the server's certificate must be for, in normal form */
  readonly serverName: string;
  /** what is to be spoken; HTTP/1.1 unless given */
  readonly version?: 'http1' | 'http2';
}

/**
 * The client side of TLS to servers outside the mesh: the chain ends in a root the system trusts, and the
 * certificate is for the name (RFC 9525). No certificate of ours is shown. There is no way to dial without a
 * name to verify.
 */
export class TlsClient {
  readonly #roots: string | undefined;
  /** made when first needed: reading the roots takes time and memory */
  #context: SecureContext | undefined;
  readonly #sessions = new TlsSessions();

  /** `roots`: PEM, instead of those Node trusts (its own, NODE_EXTRA_CA_CERTS, and --use-system-ca). */
  constructor(roots?: string) {
    this.#roots = roots;
  }

  dial(options: TlsDialOptions): Dial {
    return (done) => {
      if (options.serverName === '') {
        done(failed('no name to verify'));
        return () => {};
      }
      this.#context ??= tls.createSecureContext({
        ...(this.#roots === undefined ? {} : { ca: this.#roots }),
        minVersion: 'TLSv1.2',
      });
      return new TlsDialling(options, this.#context, this.#sessions).start(done);
    };
  }
}

/** One connection on its way. */
class TlsDialling {
  readonly #options: TlsDialOptions;
  readonly #context: SecureContext;
  readonly #sessions: TlsSessions;
  readonly #sessionKey: string;
  readonly #alpn: string;
  readonly #session: TlsSession | undefined;
  /** until when what the server has proven holds; undefined: it has proven nothing */
  #provenUntilMs: number | undefined;

  constructor(options: TlsDialOptions, context: SecureContext, sessions: TlsSessions) {
    this.#options = options;
    this.#context = context;
    this.#sessions = sessions;
    this.#alpn = options.version === 'http2' ? 'h2' : 'http/1.1';
    this.#sessionKey = `${options.host}|${options.port}|${options.serverName}|${this.#alpn}`;
    const session = sessions.take(this.#sessionKey);
    // its certificate has expired: the server has to show another
    this.#session = session !== undefined && Date.now() <= session.provenUntilMs ? session : undefined;
  }

  start(done: (result: DialResult) => void): () => void {
    const { host, port, serverName } = this.#options;
    const raw = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
    const socket = tls.connect({
      socket: raw,
      secureContext: this.#context,
      ALPNProtocols: [this.#alpn],
      // an address is no server name (RFC 6066 3)
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session.ticket }),
      rejectUnauthorized: true,
      checkServerIdentity: (_host, certificate) => this.#checkName(certificate),
    });
    raw.on('error', (error) => socket.destroy(error));
    socket.on('session', (ticket) => {
      const provenUntilMs = this.#provenUntilMs;
      if (provenUntilMs !== undefined) this.#sessions.keep(this.#sessionKey, { ticket, provenUntilMs });
    });
    const check = (error?: Error) => (error === undefined ? this.#checkConnected(socket) : refusalOf(error));
    return settleOnce(socket, 'secureConnect', this.#options, done, check, raw);
  }

  /** Of a full handshake; called once the chain is verified. */
  #checkName(certificate: PeerCertificate): Error | undefined {
    const error = tls.checkServerIdentity(this.#options.serverName, certificate);
    if (error === undefined) this.#provenUntilMs = Date.parse(certificate.valid_to);
    return error;
  }

  /** It must hold however we came here. */
  #checkConnected(socket: TLSSocket): DialFailure | undefined {
    if (socket.isSessionReused()) this.#provenUntilMs = this.#session?.provenUntilMs;
    if (!socket.authorized || this.#provenUntilMs === undefined) return failed('the server was not verified');
    const { alpnProtocol } = socket;
    // false: the server has no opinion, which is HTTP/1.1
    if (alpnProtocol === this.#alpn || (alpnProtocol === false && this.#alpn !== 'h2')) return undefined;
    return failed(`the server does not speak ${this.#alpn === 'h2' ? 'HTTP/2' : 'HTTP/1.1'}`);
  }
}

function refusalOf(error: Error): DialFailure {
  const code = (error as { code?: unknown }).code;
  return failed(typeof code === 'string' ? `TLS: ${code}: ${error.message}` : `TLS: ${error.message}`);
}

function failed(reason: string): DialFailure {
  return { ok: false, code: 'connect-failure', reason };
}
