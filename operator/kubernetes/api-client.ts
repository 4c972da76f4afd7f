import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { TooLargeError, toApiError } from './api-error.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** An answer to a request about one object; lists say what they expect. */
const OBJECT_MAX_BYTES = 8 * 1024 * 1024;
const ERROR_MAX_BYTES = 64 * 1024;
const TCP_KEEP_ALIVE_MS = 30_000;
const MAX_SOCKETS = 32;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RequestDetails {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** for the whole exchange */
  readonly timeoutMs?: number;
  /** of the answer */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** How to reach the API server right now: credentials are read anew for each request, since they expire. */
interface Connection {
  readonly url: URL;
  readonly options: RequestOptions;
}

/**
 * Requests to the API server: client-node says where it is and who we are, node:https carries them over
 * HTTP/1.1 with kept connections. client-node's own calls make a new connection pool for each request and
 * deserialise every object into classes, which an operator with thousands of pods cannot afford.
 */
export class ApiClient {
  readonly #kubeConfig: KubeConfig;
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent };

  constructor(kubeConfig: KubeConfig) {
    this.#kubeConfig = kubeConfig;
    const options = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, maxSockets: MAX_SOCKETS };
    this.#agents = { http: new HttpAgent(options), https: new HttpsAgent(options) };
  }

  /** Ends kept connections; requests under way fail. */
  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  /** Answers with the parsed JSON. Throws ApiError, TooLargeError, or the error of the connection. */
  async request<T>(method: Method, path: string, details: RequestDetails = {}): Promise<T> {
    const deadline = AbortSignal.timeout(details.timeoutMs ?? REQUEST_TIMEOUT_MS);
    const signal = details.signal ? AbortSignal.any([details.signal, deadline]) : deadline;
    const response = await this.#send(method, path, { ...details, signal });
    const text = await readText(response, details.maxBytes ?? OBJECT_MAX_BYTES);
    return parseJson(text) as T;
  }

  /**
   * Opens an answer that goes on until either side ends it: a watch. It has a connection of its own; the
   * caller reads it to its end or aborts.
   */
  async open(path: string, details: RequestDetails): Promise<IncomingMessage> {
    const headers = new AbortController();
    const timer = setTimeout(
      () => headers.abort(timeoutError('no answer in time')),
      details.timeoutMs ?? REQUEST_TIMEOUT_MS,
    );
    const signal = details.signal ? AbortSignal.any([details.signal, headers.signal]) : headers.signal;
    try {
      const response = await this.#send('GET', path, { ...details, signal }, false);
      response.socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
      return response;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(
    method: Method,
    path: string,
    details: RequestDetails,
    pooled = true,
  ): Promise<IncomingMessage> {
    const { url, options } = await this.#connect(path, details);
    const body = details.body === undefined ? undefined : Buffer.from(JSON.stringify(details.body));
    const agent = this.#agentFor(url, options, pooled);
    const all = { ...options, method, agent, signal: details.signal };
    const response = await exchange(url, { ...all, headers: headersOf(options, details, body) }, body);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const text = await readText(response, ERROR_MAX_BYTES).catch(() => '');
    throw toApiError(status, text, response.headers['retry-after']);
  }

  async #connect(path: string, { query }: RequestDetails): Promise<Connection> {
    const server = this.#kubeConfig.getCurrentCluster()?.server;
    if (server === undefined) throw new Error('the kubeconfig names no current cluster');
    const options: RequestOptions = {};
    await this.#kubeConfig.applyToHTTPSOptions(options);
    const url = new URL(server.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    return { url, options };
  }

  /** client-node's agent only where it leads through a proxy: otherwise it keeps no connections. */
  #agentFor(url: URL, options: RequestOptions, pooled: boolean): RequestOptions['agent'] {
    if (this.#kubeConfig.getCurrentCluster()?.proxyUrl) return options.agent;
    if (!pooled) return false;
    return url.protocol === 'http:' ? this.#agents.http : this.#agents.https;
  }
}

function headersOf(options: RequestOptions, details: RequestDetails, body: Buffer | undefined) {
  return {
    accept: 'application/json',
    'user-agent': 'weft-operator',
    ...(options.headers as Record<string, string> | undefined),
    ...(body === undefined
      ? {}
      : { 'content-type': details.contentType ?? 'application/json', 'content-length': String(body.length) }),
  };
}

/**
 * A kept connection can be closed by the server just as it is used again. Then nothing was answered, and one
 * more attempt on another connection is safe: every write here is safe to repeat.
 */
async function exchange(
  url: URL,
  options: RequestOptions,
  body: Buffer | undefined,
): Promise<IncomingMessage> {
  try {
    return await attempt(url, options, body);
  } catch (error) {
    if (!(error instanceof StaleConnectionError)) throw error;
    return await attempt(url, options, body);
  }
}

class StaleConnectionError extends Error {
  readonly code = 'ECONNRESET';
}

function attempt(url: URL, options: RequestOptions, body: Buffer | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
    const sent: ClientRequest = send(url, options, resolve);
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const stale = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(stale ? new StaleConnectionError(error.message) : (abortReason(options.signal) ?? error));
    });
    sent.end(body);
  });
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new TooLargeError(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Something between us and the API server may answer 200 with a page of its own. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw Object.assign(new Error('the answer is not JSON'), { code: 'ERR_NOT_JSON' });
  }
}

/** An abort by timeout is reported as what it is, a system error worth another attempt. */
function abortReason(signal: AbortSignal | undefined): Error | undefined {
  if (!signal?.aborted) return undefined;
  const reason: unknown = signal.reason;
  if (reason instanceof DOMException && reason.name === 'TimeoutError')
    return timeoutError('no answer in time');
  return reason instanceof Error ? reason : undefined;
}

function timeoutError(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}
