import type { Clock } from '../clock.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, TooLargeError } from './api-error.ts';
import { readLines } from './line-reader.ts';
import type { KubernetesObject } from './objects.ts';

const PAGE_SIZE = 500;
const PAGE_TIMEOUT_MS = 60_000;
const PAGE_MAX_BYTES = 64 * 1024 * 1024;
/** etcd refuses objects above 1.5 MiB; as JSON they are longer. */
const EVENT_MAX_BYTES = 16 * 1024 * 1024;

export interface Page<T> {
  readonly items: readonly T[];
  /** of the whole list; the same on every page */
  readonly resourceVersion: string;
}
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

export interface WatchLimits {
  /** the server is asked to end the watch after this time */
  readonly lifetimeMs: number;
  /** without a byte for this long the connection counts as dead; bookmarks come about once a minute */
  readonly silenceMs: number;
  /** how long after its lifetime the server may take to end it */
  readonly graceMs: number;
}

export interface ListWatchOptions {
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/**
 * One resource's list and watch requests.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export class ListWatch<T extends KubernetesObject> {
  readonly #api: ApiClient;
  readonly #options: ListWatchOptions;
  readonly #clock: Clock;
  #pageSize = PAGE_SIZE;

  constructor(api: ApiClient, options: ListWatchOptions, clock: Clock) {
    this.#api = api;
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * The newest state, page by page. Without a resourceVersion the answer is as new as etcd, so nothing already
   * seen on a watch is undone by a replica that lags. Throws ApiError 410 when the pages took too long.
   */
  async *list(signal: AbortSignal): AsyncGenerator<Page<T>> {
    let next: string | undefined;
    do {
      const page: ListBody<T> = await this.#page(next, signal);
      yield { items: page.items ?? [], resourceVersion: page.metadata?.resourceVersion ?? '' };
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
  }

  async #page(next: string | undefined, signal: AbortSignal): Promise<ListBody<T>> {
    const query = {
      ...this.#selectors(),
      limit: String(this.#pageSize),
      ...(next === undefined ? {} : { continue: next }),
    };
    const limits = { timeoutMs: PAGE_TIMEOUT_MS, maxBytes: PAGE_MAX_BYTES };
    try {
      return await this.#api.request<ListBody<T>>('GET', this.#options.path, { query, signal, ...limits });
    } catch (error) {
      // Very large objects: ask for fewer at a time from now on.
      if (!(error instanceof TooLargeError) || this.#pageSize === 1) throw error;
      this.#pageSize = Math.ceil(this.#pageSize / 8);
      return this.#page(next, signal);
    }
  }

  /**
   * Changes after `resourceVersion`, in batches as they arrive; ends when the server ends it. Throws ApiError
   * 410 when the version is too old, and the connection's error when it breaks or goes silent.
   */
  async *watch(
    resourceVersion: string,
    limits: WatchLimits,
    signal: AbortSignal,
  ): AsyncGenerator<readonly WatchEvent<T>[]> {
    const deadlines = new Deadlines(this.#clock, limits);
    const query = {
      ...this.#selectors(),
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion,
      timeoutSeconds: String(Math.max(1, Math.ceil(limits.lifetimeMs / 1000))),
    };
    try {
      const both = AbortSignal.any([signal, deadlines.signal]);
      const response = await this.#api.open(this.#options.path, { query, signal: both });
      for await (const lines of readLines(deadlines.over(response), EVENT_MAX_BYTES)) {
        yield lines.map((line) => parseEvent<T>(line));
      }
    } catch (error) {
      throw deadlines.signal.aborted ? deadlines.signal.reason : error;
    } finally {
      deadlines.stop();
    }
  }

  #selectors(): Record<string, string> {
    const { labelSelector, fieldSelector } = this.#options;
    return {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }
}

interface ListBody<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[];
}

function parseEvent<T>(line: string): WatchEvent<T> {
  const event = JSON.parse(line) as { type?: string; object?: unknown };
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return event as WatchEvent<T>;
    case 'ERROR': {
      const status = event.object as { code?: number; reason?: string } | undefined;
      throw new ApiError(status?.code ?? 500, { reason: status?.reason ?? '' });
    }
    default:
      throw new SyntaxError('a watch event of an unknown type');
  }
}

/** Aborts its signal when nothing was heard for a while, or when the server did not end the watch in time. */
class Deadlines {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #cancelEnd: () => void;
  #cancelSilence: () => void = () => {};

  constructor(clock: Clock, { lifetimeMs, silenceMs, graceMs }: WatchLimits) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#cancelEnd = clock.after(lifetimeMs + graceMs, () => this.#abort('the watch did not end in time'));
    this.#heard();
  }
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  /** The silence starts anew with every chunk that passes. */
  async *over(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      this.#heard();
      yield chunk;
    }
  }
  stop(): void {
    this.#cancelSilence();
    this.#cancelEnd();
  }
  #heard(): void {
    this.#cancelSilence();
    this.#cancelSilence = this.#clock.after(this.#silenceMs, () => this.#abort('the watch went silent'));
  }
  #abort(message: string): void {
    this.#controller.abort(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
  }
}
