import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { OperatorMessage, SidecarMessage } from '../../api/stream.ts';
import { OPERATOR_ID, type TestAuthority } from '../../test/fixtures/certificate-authority.ts';
import { eventually } from './control.fixture.ts';

/** A control plane over real HTTP/2 and TLS that does what a test tells it. */
export class TestControlPlane {
  readonly #server: Http2SecureServer;
  #port = 0;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** one entry per stream that was opened, in order */
  readonly connections: TestConnection[] = [];
  /** what `POST /v1/identity` is answered with */
  identityAnswer: (body: string, headers: IncomingHttpHeaders) => { status: number; text: string } = () => ({
    status: 403,
    text: '',
  });
  status = 200;
  onStream: (connection: TestConnection) => void = () => {};

  private constructor(server: Http2SecureServer) {
    this.#server = server;
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', () => {});
    });
    server.on('stream', (stream, headers) => this.#stream(stream, headers));
  }

  static async start(
    t: TestContext,
    authority: TestAuthority,
    options: {
      spiffeId?: string;
      uris?: string[];
      notAfter?: Date;
      notBefore?: Date;
      port?: number;
    } = {},
  ): Promise<TestControlPlane> {
    const { certificate, privateKey } = await authority.issue({ spiffeId: OPERATOR_ID, ...options });
    const server = createSecureServer({
      cert: certificate,
      key: privateKey,
      ca: authority.root,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    });
    const plane = new TestControlPlane(server);
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
    t.after(() => plane.stop());
    return plane;
  }

  /** stays known after the stop */
  get port(): number {
    this.#port = (this.#server.address() as AddressInfo | null)?.port ?? this.#port;
    return this.#port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get last(): TestConnection {
    return this.connections.at(-1)!;
  }

  /** Breaks every connection; a new one may come. */
  breakConnections(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async stop(): Promise<void> {
    this.#port = this.port;
    this.breakConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => {});
    if (headers[':path'] === '/v1/identity') return void this.#answerIdentity(stream, headers);
    const connection = new TestConnection(stream, headers);
    this.connections.push(connection);
    stream.respond({ ':status': this.status }, { endStream: this.status !== 200 });
    this.onStream(connection);
  }

  async #answerIdentity(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    let body = '';
    for await (const chunk of stream) body += chunk;
    const { status, text } = this.identityAnswer(body, headers);
    stream.respond({ ':status': status });
    stream.end(text);
  }
}

export class TestConnection {
  readonly received: SidecarMessage[] = [];
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** the SPIFFE ID the sidecar showed, as Node prints alternative names */
  readonly peerNames: string;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.stream = stream;
    this.headers = headers;
    const socket = stream.session!.socket as import('node:tls').TLSSocket;
    this.peerNames = socket.authorized ? (socket.getPeerX509Certificate()?.subjectAltName ?? '') : '';
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      this.received.push(...lines.map((line) => JSON.parse(line) as SidecarMessage));
    });
  }

  send(...messages: OperatorMessage[]): void {
    for (const message of messages) this.stream.write(`${JSON.stringify(message)}\n`);
  }

  sendRaw(text: string): void {
    this.stream.write(text);
  }

  async receives<T extends SidecarMessage['type']>(
    type: T,
    count = 1,
  ): Promise<Extract<SidecarMessage, { type: T }>[]> {
    const of = () => this.received.filter((message) => message.type === type);
    await eventually(`${count} ${type}`, () => of().length >= count);
    return of() as Extract<SidecarMessage, { type: T }>[];
  }
}
