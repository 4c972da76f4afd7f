import { type BackoffLimits, backoffMs, DEFAULT_BACKOFF } from '../backoff.ts';
import { type Clock, sleep } from '../clock.ts';
import { describeError, type Log } from '../log.ts';
import { ApiError, isGone, isNotFound } from './api-error.ts';
import type { ListWatch, WatchEvent } from './list-watch.ts';
import { type KubernetesObject, objectKey } from './objects.ts';

/** One object as it is now, or that it is gone. Level-based: may repeat, never lags behind an older one. */
export interface ObjectChange<T> {
  readonly key: string;
  readonly object: T | undefined;
}

export interface ReflectorTimings {
  readonly backoff: BackoffLimits;
  /** a full list at least this often, whatever the watches said */
  readonly relistMs: number;
  /** watches end between half of this and this */
  readonly watchMs: number;
  /** without a byte for this long a connection counts as dead */
  readonly silenceMs: number;
  /** how long after its time the server may take to end a watch, until we do */
  readonly graceMs: number;
}
export const REFLECTOR_TIMINGS: ReflectorTimings = {
  backoff: DEFAULT_BACKOFF,
  relistMs: 30 * 60_000,
  watchMs: 10 * 60_000,
  silenceMs: 150_000,
  graceMs: 30_000,
};

export interface ReflectorOptions<T extends KubernetesObject> {
  /** for logs: the resource's plural */
  readonly name: string;
  readonly source: ListWatch<T>;
  /** synchronous and cheap; a throw is logged, and the objects are delivered again with the next list */
  readonly deliver: (changes: readonly ObjectChange<T>[]) => void;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timings?: ReflectorTimings;
  /** the resource need not be installed: while it is not, there are no objects of it */
  readonly isOptional?: boolean;
}

/** After so many watches in a row that brought nothing but an error, the list is asked again. */
const MAX_WATCH_FAILURES = 3;
/** A watch that lasted this long worked, even when nothing happened on it. */
const SOUND_WATCH_MS = 10_000;

/**
 * Keeps a picture of one resource: list, watch from there, list again when the watch cannot go on. It survives
 * every error of the API server and of the network until it is stopped. It stores no objects, only which
 * version of which object was delivered.
 */
export class Reflector<T extends KubernetesObject> {
  /** Resolves after the first full list was delivered. */
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions<T>;
  readonly #timings: ReflectorTimings;
  readonly #stop = new AbortController();
  readonly #markSynced: () => void;
  /** key → uid and resourceVersion as delivered last */
  #delivered = new Map<string, string>();
  #running: Promise<void> = Promise.resolve();
  #failures = 0;
  #isAbsent = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timings = options.timings ?? REFLECTOR_TIMINGS;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const resourceVersion = await this.#list();
        this.#markSynced();
        this.#isAbsent = false;
        await this.#watchUntilRelist(resourceVersion);
      } catch (error) {
        if (this.#options.isOptional && isNotFound(error)) {
          await this.#awaitInstallation();
          continue;
        }
        this.#failures += 1;
        await this.#pause(error, 'list failed');
      }
    }
  }

  /** Asks again now and then, and says once that it does. */
  async #awaitInstallation(): Promise<void> {
    const { clock, log, name } = this.#options;
    this.#deliver([...this.#delivered.keys()].map((key) => ({ key, object: undefined })));
    this.#markSynced();
    if (!this.#isAbsent) log.info({ resource: name }, 'this resource is not installed: there are none');
    this.#isAbsent = true;
    await sleep(clock, this.#timings.backoff.maxMs, this.#stop.signal);
  }

  /** Delivers page by page; what the whole list lacks is gone. */
  async #list(): Promise<string> {
    const present = new Map<string, string>();
    let resourceVersion = '';
    for await (const page of this.#options.source.list(this.#stop.signal)) {
      const changed = page.items.filter((object) => this.#isNew(object, present));
      this.#deliver(changed.map((object) => ({ key: objectKey(object)!, object })));
      resourceVersion = page.resourceVersion;
    }
    const gone = [...this.#delivered.keys()].filter((key) => !present.has(key));
    this.#deliver(gone.map((key) => ({ key, object: undefined })));
    return resourceVersion;
  }

  #isNew(object: T, present: Map<string, string>): boolean {
    const key = objectKey(object);
    if (key === undefined) return false;
    present.set(key, versionOf(object));
    return this.#delivered.get(key) !== versionOf(object);
  }

  /**
   * Watches, one after another, until it is time to list, the server cannot continue from here, or watching
   * failed a few times. Failures are forgotten only when a watch works, so that lists keep their distance too.
   */
  async #watchUntilRelist(from: string): Promise<void> {
    const { clock, random } = this.#options;
    const relistAtMs = clock.monotonicMs() + this.#timings.relistMs;
    let cursor = from;
    while (!this.#stop.signal.aborted && clock.monotonicMs() < relistAtMs) {
      const startedMs = clock.monotonicMs();
      const lifetimeMs = Math.min(this.#timings.watchMs * (0.5 + random() / 2), relistAtMs - startedMs);
      const end = await this.#watch(cursor, lifetimeMs);
      const sound = end.cursor !== cursor || clock.monotonicMs() - startedMs >= SOUND_WATCH_MS;
      cursor = end.cursor;
      this.#failures = sound ? 0 : this.#failures + 1;
      if (this.#options.isOptional && isNotFound(end.error)) return;
      if (!sound || end.error !== undefined) await this.#pause(end.error, 'watch ended');
      if (isGone(end.error) || (!sound && this.#failures % MAX_WATCH_FAILURES === 0)) return;
    }
  }

  /** Returns where it got to, and what ended it if that was not the server's own timeout. */
  async #watch(from: string, lifetimeMs: number): Promise<{ cursor: string; error?: unknown }> {
    let cursor = from;
    try {
      const { silenceMs, graceMs } = this.#timings;
      const limits = { lifetimeMs, silenceMs, graceMs };
      for await (const events of this.#options.source.watch(from, limits, this.#stop.signal)) {
        this.#deliver(events.flatMap(toChange));
        cursor = events.at(-1)?.object.metadata?.resourceVersion ?? cursor;
      }
      return { cursor };
    } catch (error) {
      return { cursor, error };
    }
  }

  #deliver(changes: readonly ObjectChange<T>[]): void {
    if (changes.length === 0) return;
    let delivered = true;
    try {
      this.#options.deliver(changes);
    } catch (error) {
      delivered = false;
      this.#options.log.error(
        { resource: this.#options.name, error: describeError(error) },
        'a change was not applied',
      );
    }
    for (const { key, object } of changes) this.#remember(key, object, delivered);
  }

  /** What was not applied is remembered without its version, so that the next list delivers it again. */
  #remember(key: string, object: T | undefined, delivered: boolean): void {
    if (object === undefined && delivered) this.#delivered.delete(key);
    else this.#delivered.set(key, object !== undefined && delivered ? versionOf(object) : '');
  }

  async #pause(error: unknown, message: string): Promise<void> {
    const { clock, random, log, name } = this.#options;
    if (this.#stop.signal.aborted) return;
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const delayMs = Math.round(asked + backoffMs(this.#failures, this.#timings.backoff, random));
    const data = { resource: name, delayMs, failures: this.#failures };
    if (error === undefined || isGone(error)) log.debug(data, message);
    else log.warn({ ...data, error: describeError(error), ...hintFor(error) }, message);
    await sleep(clock, delayMs, this.#stop.signal);
  }
}

function hintFor(error: unknown): { hint?: string } {
  if (!(error instanceof ApiError)) return {};
  if (error.status === 403) return { hint: 'the operator’s role lacks list or watch on this resource' };
  if (error.status === 404) return { hint: 'this resource is not installed; are the CRDs applied?' };
  return {};
}

function toChange<T extends KubernetesObject>(event: WatchEvent<T>): ObjectChange<T>[] {
  const key = objectKey(event.object);
  if (event.type === 'BOOKMARK' || key === undefined) return [];
  return [{ key, object: event.type === 'DELETED' ? undefined : event.object }];
}

function versionOf({ metadata }: KubernetesObject): string {
  return `${metadata?.uid}/${metadata?.resourceVersion}`;
}
