import { backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Change, Workload } from '../mesh/model.ts';
import type { ProxyFiles } from '../platform.ts';
import type { FetchedKeySet, FetchKeySet } from './fetch-key-set.ts';
import { HandedOutKeySets } from './handed-out.ts';
import { explain } from './problem.ts';
import { URIS_MAX, WantedKeySets } from './wanted.ts';

export interface KeySetsOptions {
  readonly mesh: Mesh;
  readonly fetch: FetchKeySet;
  readonly apply: (changes: readonly Change[]) => void;
  /** what a proxy was given last */
  readonly readProxy: (workload: Workload) => Promise<ProxyFiles | undefined>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

interface Entry {
  readonly uri: string;
  /** undefined: never fetched */
  keys: readonly object[] | undefined;
  /** by namespace, until it was fetched; undefined: none */
  handedOut: ReadonlyMap<string, readonly object[]> | undefined;
  problem: string | undefined;
  /** what was said last of keys that are not used */
  ignored: string;
  failures: number;
  /** of the request under way */
  request: AbortController | undefined;
  cancelTimer: () => void;
}

const REFRESH_MIN_MS = 60_000;
const REFRESH_DEFAULT_MS = 5 * 60_000;
const REFRESH_MAX_MS = 60 * 60_000;
const RETRY_MIN_MS = 1_000;
const RETRY = { baseMs: 2_000, maxMs: 5 * 60_000 };
/** Requests at the same time; others wait for their turn. */
const CONCURRENCY = 32;
const IGNORED_SHOWN = 5;
/** What was handed out is waited for so long before anything is published. */
const RESTORE_MS = 10_000;

/**
 * The key sets that policies name by URI, fetched by every replica for itself and put into the mesh. Keys stay
 * while newer ones cannot be had. A key that its issuer took back is trusted until the next refresh: at most
 * REFRESH_MAX_MS, or as long as the issuer cannot be reached.
 */
export class KeySets {
  readonly #options: KeySetsOptions;
  readonly #wanted: WantedKeySets;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Set<Entry>();
  #refused: ReadonlySet<string> = new Set();
  #running = 0;
  #isStarted = false;

  constructor(options: KeySetsOptions) {
    this.#options = options;
    this.#wanted = new WantedKeySets(options.mesh);
  }

  /**
   * Before anything is published: what proxies were given last holds until a fetch says otherwise, so that a
   * restart while an issuer is down takes no key from anybody. Never rejects.
   */
  async restore(): Promise<void> {
    const { mesh, readProxy, clock, log } = this.#options;
    this.#refreshWanted(mesh.policies().map(({ key }) => key));
    if (this.#entries.size === 0) return;
    const handedOut = new HandedOutKeySets(mesh, readProxy);
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(RESTORE_MS, late.resolve);
    const restored = [...this.#entries.values()].map(async (entry) => {
      try {
        const found = await handedOut.keysOf(entry.uri, this.#wanted.policiesOf(entry.uri));
        const isNews = entry.keys === undefined && this.#entries.get(entry.uri) === entry;
        if (found === undefined || !isNews) return;
        entry.handedOut = found;
        this.#set(entry, undefined, entry.problem);
      } catch (error) {
        log.warn({ uri: shown(entry.uri) }, `keys handed out before could not be read: ${explain(error)}`);
      }
    });
    await Promise.race([Promise.all(restored), late.promise]);
    cancel();
  }

  start(): void {
    this.#isStarted = true;
    for (const entry of this.#entries.values()) this.#enqueue(entry);
  }

  stop(): void {
    this.#isStarted = false;
    for (const entry of this.#entries.values()) this.#end(entry);
    this.#waiting.clear();
  }

  /** @param keys of policies that may have changed or gone */
  policiesChanged(keys: Iterable<string>): void {
    if (this.#isStarted) this.#refreshWanted(keys);
  }

  #refreshWanted(policies: Iterable<string>): void {
    if (!this.#wanted.refresh(policies)) return;
    const { wanted, tooMany } = this.#wanted.uris();
    for (const entry of [...this.#entries.values()]) {
      if (!wanted.has(entry.uri)) this.#forget(entry);
    }
    this.#refuse(tooMany);
    for (const uri of wanted) {
      if (!this.#entries.has(uri)) this.#add(uri);
    }
  }

  #add(uri: string): void {
    const entry: Entry = {
      ...{ uri, keys: undefined, handedOut: undefined, problem: undefined, ignored: '', failures: 0 },
      request: undefined,
      cancelTimer: () => {},
    };
    this.#entries.set(uri, entry);
    if (this.#isStarted) this.#enqueue(entry);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.uri);
    this.#end(entry);
    this.#options.apply([{ kind: 'KeySet', key: entry.uri, value: undefined }]);
  }

  /** The status of their policies says so. */
  #refuse(tooMany: ReadonlySet<string>): void {
    const gone = [...this.#refused].filter((uri) => !tooMany.has(uri) && !this.#entries.has(uri));
    const news = [...tooMany].filter((uri) => !this.#refused.has(uri));
    this.#refused = tooMany;
    const problem = `is not fetched: its namespace names more than ${URIS_MAX} key sets`;
    const changes = [
      ...gone.map((key) => ({ kind: 'KeySet' as const, key, value: undefined })),
      ...news.map((key) => ({ kind: 'KeySet' as const, key, value: { key, keys: [], problem } })),
    ];
    if (changes.length > 0) this.#options.apply(changes);
  }

  #end(entry: Entry): void {
    this.#waiting.delete(entry);
    entry.cancelTimer();
    entry.request?.abort();
  }

  #enqueue(entry: Entry): void {
    this.#waiting.add(entry);
    this.#next();
  }

  #next(): void {
    for (const entry of this.#waiting) {
      if (this.#running === CONCURRENCY) return;
      this.#waiting.delete(entry);
      this.#running += 1;
      void this.#fetch(entry).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #fetch(entry: Entry): Promise<void> {
    const request = new AbortController();
    entry.request = request;
    let delayMs: number;
    try {
      const fetched = await this.#options.fetch(entry.uri, request.signal);
      if (request.signal.aborted) return;
      delayMs = this.#succeeded(entry, fetched);
    } catch (error) {
      if (request.signal.aborted) return;
      delayMs = this.#failed(entry, explain(error));
    }
    entry.request = undefined;
    // applying may have taken it away
    if (this.#entries.get(entry.uri) !== entry || !this.#isStarted) return;
    entry.cancelTimer = this.#options.clock.after(delayMs, () => this.#enqueue(entry));
  }

  /** @returns milliseconds until the next */
  #succeeded(entry: Entry, { keys, ignored, maxAgeMs = REFRESH_DEFAULT_MS }: FetchedKeySet): number {
    const { log, random } = this.#options;
    const uri = shown(entry.uri);
    if (entry.problem !== undefined) log.info({ uri }, `the key set of ${uri} is had again`);
    const said = ignored.slice(0, IGNORED_SHOWN).join('; ');
    if (said !== '' && said !== entry.ignored) log.info({ uri }, `not all keys of ${uri} are used: ${said}`);
    entry.ignored = said;
    entry.failures = 0;
    entry.handedOut = undefined;
    this.#set(entry, keys, undefined);
    const afterMs = Math.min(Math.max(maxAgeMs, REFRESH_MIN_MS), REFRESH_MAX_MS);
    return Math.max(REFRESH_MIN_MS, afterMs * (0.9 + 0.1 * random()));
  }

  /** @returns milliseconds until the next */
  #failed(entry: Entry, problem: string): number {
    const { log, random } = this.#options;
    const uri = shown(entry.uri);
    entry.failures += 1;
    if (problem !== entry.problem) {
      const isHad = (entry.keys ?? entry.handedOut) !== undefined;
      const meanwhile = isHad ? 'the last keys stay in force' : 'no token of it is valid';
      log.warn({ uri, problem }, `the key set ${uri} ${problem}; ${meanwhile}`);
    }
    this.#set(entry, entry.keys, problem);
    return Math.max(RETRY_MIN_MS, backoffMs(entry.failures, RETRY, random));
  }

  #set(entry: Entry, keys: readonly object[] | undefined, problem: string | undefined): void {
    entry.keys = keys;
    entry.problem = problem;
    const { uri, handedOut } = entry;
    const value = {
      ...{ key: uri, keys: keys ?? [] },
      ...(handedOut && { handedOut }),
      ...(problem !== undefined && { problem }),
    };
    this.#options.apply([{ kind: 'KeySet', key: uri, value }]);
  }
}

/** Without its query, in which there may be more than the log should know. */
function shown(uri: string): string {
  return uri.replace(/[?#].*/s, '');
}
