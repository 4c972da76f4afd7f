import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import tls from 'node:tls';
import type { Egress, ProxyConfig } from '../../api/proxy-config.ts';
import { Outbound } from '../outbound/outbound.ts';
import { listen } from '../transport/listener.ts';
import type { TestAuthority } from './certificates.ts';
import { FakeState, proxyConfig } from './fake-state.ts';
import { toClose } from './harness.ts';
import { type RedirectedOptions, redirectedContext } from './redirected.ts';
import { serve, type TestServer } from './wire.ts';

export const POLICY = 'shop/web-egress';

/** Only these hosts. */
export function listed(...hosts: readonly (string | Partial<Egress['hosts'][number]>)[]): Egress {
  return egress('AllowListed', hosts);
}

export function everything(...hosts: readonly Partial<Egress['hosts'][number]>[]): Egress {
  return egress('AllowAll', hosts);
}

function egress(mode: Egress['mode'], hosts: readonly (string | Partial<Egress['hosts'][number]>)[]): Egress {
  return {
    mode,
    policy: POLICY,
    hosts: hosts.map((host) => ({
      host: '',
      tls: 'Passthrough' as const,
      ...(typeof host === 'string' ? { host } : host),
    })),
  };
}

/** The way out of a pod whose every connection was on its way to `server`, outside the mesh. */
export class EgressSide {
  readonly state: FakeState;
  readonly #outbound: Outbound;
  readonly #log: string[] = [];
  readonly #render: () => string;
  readonly #config: ProxyConfig;
  port = 0;

  private constructor(server: TestServer, rules: Egress | undefined, options: RedirectedOptions) {
    this.#config = proxyConfig('web', rules && { egress: rules });
    this.state = new FakeState(undefined, this.#config);
    const original = () => ({ address: '127.0.0.1', port: server.port });
    const { context, telemetry } = redirectedContext(this.state, original, [], {
      ...options,
      log: this.#log,
    });
    this.#render = () => telemetry.renderAll();
    this.#outbound = new Outbound(context);
    this.#outbound.prepare(this.#config)();
    this.state.destinations.set(`127.0.0.1:${server.port}`, null);
  }

  /** Both end with the test file. */
  static async start(
    server: TestServer,
    rules: Egress | undefined,
    options: RedirectedOptions = {},
  ): Promise<EgressSide> {
    const side = new EgressSide(server, rules, options);
    const listener = await listen({
      address: '127.0.0.1',
      port: 0,
      mayAccept: () => true,
      onConnection: (channel) => side.#outbound.accept(channel, undefined),
      onError: () => {},
    });
    side.port = listener.port;
    toClose.push(server.close, async () => listener.close());
    return side;
  }

  setEgress(rules: Egress): void {
    this.#outbound.prepare({ ...this.#config, egress: rules })();
  }

  get log(): Record<string, unknown>[] {
    return this.#log.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The value of one series, written as on the metrics page; 0: it is not there. */
  metric(series: string): number {
    const line = this.#render()
      .split('\n')
      .find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length + 1));
  }
}

export const ALLOWED = `weft_egress_total{verdict="allowed",policy="${POLICY}"}`;
export const DENIED = `weft_egress_total{verdict="denied",policy="${POLICY}"}`;

/** What a client says to a server, as far as TLS shows it. */
export interface SecureSeen {
  readonly serverName: string;
  readonly alpn: string;
  readonly host: string;
  readonly url: string;
}

export interface HttpsTestServer extends TestServer {
  readonly seen: SecureSeen[];
  onSecure(listener: (socket: tls.TLSSocket) => void): void;
}

/** An HTTPS server whose certificate is for `names`; answers with the path. */
export async function serveHttps(
  authority: TestAuthority,
  names: readonly string[],
  leaf: Partial<Parameters<TestAuthority['leaf']>[0]> = {},
): Promise<HttpsTestServer> {
  const { certificate, privateKey } = await authority.leaf({ uris: [], dnsNames: names, ...leaf });
  const seen: SecureSeen[] = [];
  const accepted: TestServer['accepted'] = [];
  const server = https.createServer({ cert: certificate, key: privateKey }, (request, response) => {
    const socket = request.socket as tls.TLSSocket & { readonly servername?: string };
    seen.push({
      serverName: socket.servername ?? '',
      alpn: String(socket.alpnProtocol),
      host: request.headers.host ?? '',
      url: request.url ?? '',
    });
    response.end(`secured ${request.url}`);
  });
  server.on('connection', (socket) => accepted.push(socket as Socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    seen,
    onSecure: (listener) => server.on('secureConnection', listener),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What a TLS client says first. */
export async function clientHello(options: tls.ConnectionOptions): Promise<Buffer> {
  const said = Promise.withResolvers<Buffer>();
  const server = await serve((socket) => socket.once('data', said.resolve));
  const socket = tls.connect({ ...options, port: server.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  const bytes = await said.promise;
  socket.destroy();
  await server.close();
  return bytes;
}
