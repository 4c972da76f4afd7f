import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import type { Log } from '../../log.ts';
import { ApiClient } from '../api-client.ts';

export type Answer = (response: ServerResponse, request: SeenRequest) => void;
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

/**
 * Stands for an API server that misbehaves as told: lists and watches are answered by scripts, one a request,
 * and the last script of each kind goes on answering.
 */
export class ScriptedApi {
  readonly seen: SeenRequest[] = [];
  readonly kubeConfig: KubeConfig;
  readonly client: ApiClient;
  readonly #server: Server;
  #requests: Answer[] = [];
  #watches: Answer[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.kubeConfig = kubeConfigFor((server.address() as AddressInfo).port);
    this.client = new ApiClient(this.kubeConfig);
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<ScriptedApi> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ScriptedApi(server);
  }

  /** Answers to everything that is no watch. */
  requests(...answers: Answer[]): this {
    this.#requests = answers;
    return this;
  }
  watches(...answers: Answer[]): this {
    this.#watches = answers;
    return this;
  }
  get lists(): SeenRequest[] {
    return this.seen.filter(({ query }) => !query.has('watch'));
  }
  get watched(): SeenRequest[] {
    return this.seen.filter(({ query }) => query.has('watch'));
  }

  async stop(): Promise<void> {
    this.client.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '/', 'http://localhost');
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      contentType: request.headers['content-type'],
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.seen.push(seen);
    const answers = url.searchParams.has('watch') ? this.#watches : this.#requests;
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === undefined) status(404)(response, seen);
    else answer(response, seen);
  }
}

export function json(body: unknown, code = 200): Answer {
  return (response) =>
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function status(code: number, reason = '', headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ kind: 'Status', code, reason }));
  };
}

export function list(resourceVersion: string, items: readonly object[], next?: string): Answer {
  return json({ metadata: { resourceVersion, continue: next }, items });
}

/** Sends the events and leaves the watch open. */
export function events(...sent: readonly object[]): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const event of sent) response.write(`${JSON.stringify(event)}\n`);
  };
}

export function pod(name: string, resourceVersion: string, uid = `uid-${name}`) {
  return { metadata: { namespace: 'shop', name, uid, resourceVersion } };
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

function kubeConfigFor(port: number): KubeConfig {
  const kubeConfig = new KubeConfig();
  // client-node refuses http unless certificate checks are off; on loopback there are none.
  kubeConfig.loadFromClusterAndUser(
    { name: 'scripted', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'nobody' },
  );
  return kubeConfig;
}
