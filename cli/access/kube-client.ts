import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { UsageError } from '../usage-error.ts';

const TIMEOUT_MS = 15_000;
const ANSWER_MAX_BYTES = 256 * 1024 * 1024;
const PAGE = 500;

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly generation?: number;
}

/** The API server names the first right that is missing, and no other. */
const RIGHTS = 'all that each command needs stands in docs/reference/cli.md, "Rights in a cluster"';

interface List<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly continue?: string };
}

interface Request {
  readonly method: 'GET' | 'PATCH' | 'POST' | 'DELETE';
  readonly path: string;
  readonly type?: string;
  readonly body?: string;
}

/** The object is not as the request says it is, by its uid for instance. */
export class ConflictError extends Error {}
/** The user of the kubeconfig may not do this. */
export class ForbiddenError extends Error {}

/** Speaks to the API server as the user of the kubeconfig. What the user can mend comes as UsageError. */
export class KubeClient {
  readonly config: KubeConfig;
  readonly server: string;

  constructor(config: KubeConfig) {
    const server = config.getCurrentCluster()?.server;
    if (server === undefined) throw noCluster();
    this.config = config;
    this.server = server;
  }

  /** Page by page. */
  async list<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T[]> {
    const items: T[] = [];
    let from = '';
    do {
      const parameters = new URLSearchParams({
        ...query,
        limit: String(PAGE),
        ...(from && { continue: from }),
      });
      const page = (await this.get<List<T>>(`${path}?${parameters}`))!;
      items.push(...page.items);
      from = page.metadata.continue ?? '';
    } while (from !== '');
    return items;
  }

  /** Undefined: there is none. */
  async get<T>(path: string): Promise<T | undefined> {
    return this.#request<T>({ method: 'GET', path });
  }

  /** A strategic merge patch; undefined: there is no such object. */
  async patch<T>(path: string, change: object): Promise<T | undefined> {
    const type = 'application/strategic-merge-patch+json';
    return this.#request<T>({ method: 'PATCH', path, type, body: JSON.stringify(change) });
  }

  async create<T>(path: string, object: object): Promise<T | undefined> {
    return this.#request<T>({
      method: 'POST',
      path,
      type: 'application/json',
      body: JSON.stringify(object),
    });
  }

  /** Undefined: there was none. */
  async delete(path: string): Promise<unknown> {
    return this.#request({ method: 'DELETE', path });
  }

  async #request<T>(request: Request): Promise<T | undefined> {
    const { status, text } = await this.#send(request);
    if (status === 404) return undefined;
    if (status >= 200 && status <= 202) return JSON.parse(text) as T;
    const { message } = (parse(text) ?? {}) as { message?: string };
    const said = message ?? text.slice(0, 300);
    if (status === 401) throw new Error(`${this.server} does not know who you are: ${said}`);
    if (status === 403) throw new ForbiddenError(`not permitted: ${said}; ${RIGHTS}`);
    const words = `${this.server} answered ${status}: ${said}`;
    throw status === 409 ? new ConflictError(words) : new Error(words);
  }

  async #send({ method, path, type, body }: Request): Promise<{ status: number; text: string }> {
    const options: Parameters<typeof requestHttps>[1] = {};
    await this.config.applyToHTTPSOptions(options as never);
    const url = new URL(this.server.replace(/\/$/, '') + path);
    const send = url.protocol === 'http:' ? requestHttp : requestHttps;
    const headers = {
      ...{ accept: 'application/json', 'user-agent': 'weft', ...(type && { 'content-type': type }) },
      ...(options.headers as object),
    };
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const asked = send(url, { ...options, method, headers, signal }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_MAX_BYTES) response.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      asked.on('error', (error) => reject(new Error(`${this.server} does not answer: ${error.message}`)));
      asked.end(body);
    });
  }
}

export function noCluster(): UsageError {
  return new UsageError(
    'no cluster is known, and no weft run runs here',
    'point KUBECONFIG or --kubeconfig to one, or start a mesh here: weft run FOLDER',
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
