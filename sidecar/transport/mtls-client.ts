import net from 'node:net';
import tls, { type SecureContext, type TLSSocket } from 'node:tls';
import type { Identity } from '../proxy-state.ts';
import { type Dial, type DialFailure, type DialOptions, settleOnce } from './dial.ts';
import { secureContextOptions } from './mtls-server.ts';
import { parseCertificate, readPeer, SERVER_AUTH } from './peer-certificate.ts';

export interface MtlsDialOptions extends Omit<DialOptions, 'localAddress'> {
  /** ALPN.http1 or ALPN.tcp */
  readonly alpn: string;
  /** the only identity accepted */
  readonly spiffeId: string;
}

/** The client side of mTLS. There is no way to dial without an expected identity. */
export class MtlsClient {
  #context: SecureContext | undefined;

  setIdentity(identity: Identity): void {
    this.#context = tls.createSecureContext(secureContextOptions(identity));
  }

  dial(options: MtlsDialOptions): Dial {
    return (done) => {
      const context = this.#context;
      if (context === undefined || options.spiffeId === '') {
        done(mismatch(context === undefined ? 'no identity yet' : 'no identity to expect'));
        return () => {};
      }
      let refusal: DialFailure | undefined;
      const raw = net.connect({ host: options.host, port: options.port, allowHalfOpen: true, noDelay: true });
      const socket = tls.connect({
        socket: raw,
        secureContext: context,
        ALPNProtocols: [options.alpn],
        rejectUnauthorized: true,
        // the name of the host proves nothing here; the SPIFFE ID does
        checkServerIdentity: (_host, certificate) => {
          const reason = refusalOf(certificate.raw, options.spiffeId);
          if (reason === undefined) return undefined;
          refusal = mismatch(reason);
          return new Error(reason);
        },
      });
      raw.on('error', (error) => socket.destroy(error));
      const check = (error?: Error) =>
        error === undefined ? checkConnected(socket, options) : (refusal ?? refusalOfError(error));
      return settleOnce(socket, 'secureConnect', options, done, check, raw);
    };
  }
}

function refusalOf(der: Buffer | undefined, expected: string): string | undefined {
  if (der === undefined) return 'no certificate';
  const peer = readPeer(parseCertificate(der), SERVER_AUTH);
  if (!peer.ok) return peer.reason;
  return peer.spiffeId === expected ? undefined : `the endpoint is ${peer.spiffeId}, expected ${expected}`;
}

/** What was checked during the handshake is checked on the result too: it must hold however we came here. */
function checkConnected(socket: TLSSocket, options: MtlsDialOptions): DialFailure | undefined {
  if (!socket.authorized || socket.isSessionReused()) return mismatch('the endpoint was not authenticated');
  const reason = refusalOf(socket.getPeerX509Certificate()?.raw, options.spiffeId);
  if (reason !== undefined) return mismatch(reason);
  if (socket.alpnProtocol !== options.alpn) return mismatch(`the endpoint does not speak ${options.alpn}`);
  return undefined;
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
