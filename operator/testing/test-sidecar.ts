import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { IDENTITY_PATH, STREAM_PATH } from '../../api/stream.ts';
import type { Leaf } from '../identity/authority.ts';
import { until } from './until.ts';

export interface Received {
  readonly type: string;
  // Messages of the stream as they came; tests look at what they expect.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly [member: string]: any;
}

/** The other end of the stream, as plain as possible. */
export class TestSidecar {
  readonly received: Received[] = [];
  readonly stream: ClientHttp2Stream;
  status: number | undefined;
  closed = false;
  readonly #session: ClientHttp2Session;
  #text = '';

  constructor(
    address: { readonly host?: string; readonly port: number },
    trustBundle: string,
    leaf: Leaf | undefined,
    request: { readonly path?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    this.#session = connect(`https://${address.host ?? '127.0.0.1'}:${address.port}`, {
      ca: trustBundle,
      checkServerIdentity: () => undefined,
      ...(leaf && { cert: leaf.certificate, key: leaf.privateKey }),
    });
    this.#session.on('error', () => {});
    const path = request.path ?? STREAM_PATH;
    this.stream = this.#session.request(
      { ':method': 'POST', ':path': path, ...request.headers },
      { endStream: false },
    );
    this.stream.on('error', () => {});
    this.stream.on('response', (headers) => {
      this.status = headers[':status'];
    });
    this.stream.on('data', (chunk: Buffer) => this.#take(chunk));
    this.stream.on('close', () => {
      this.closed = true;
      this.#session.close();
    });
  }

  static askIdentity(
    address: { readonly port: number },
    trustBundle: string,
    token: string,
    body: unknown,
  ): TestSidecar {
    const headers = { authorization: `Bearer ${token}` };
    const sidecar = new TestSidecar(address, trustBundle, undefined, { path: IDENTITY_PATH, headers });
    sidecar.stream.end(JSON.stringify(body));
    return sidecar;
  }

  send(message: object): void {
    this.stream.write(`${JSON.stringify(message)}\n`);
  }
  hello(proxyId: string, version?: object): void {
    this.send({ type: 'hello', proxyId, agent: 'test', ...(version && { version }) });
  }

  of(type: string): Received[] {
    return this.received.filter((message) => message.type === type);
  }
  /** The nth message of a type, once it is there. */
  async get(type: string, count = 1): Promise<Received> {
    await until(() => this.of(type).length >= count);
    return this.of(type)[count - 1]!;
  }
  async ended(): Promise<void> {
    await until(() => this.closed);
  }
  close(): void {
    this.#session.destroy();
  }

  #take(chunk: Buffer): void {
    const lines = (this.#text + chunk.toString('utf8')).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) this.received.push(JSON.parse(line) as Received);
  }
}
