import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { Clock } from '../clock.ts';
import type { CompiledProxy } from '../compile/proxy-config.ts';
import type { Hit } from '../compile/target.ts';
import { describeError, type Log } from '../log.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import type { Platform } from '../platform.ts';
import { compileBounded, type Withheld } from './compile-bounded.ts';
import type { Identities } from './identities.ts';
import { KeyedWorker } from './keyed-worker.ts';
import type { IssuedIdentity, Versioned } from './stream-source.ts';

/** Whom the publisher tells at once. */
export interface Push {
  configChanged(workload: string): void;
  identityChanged(workload: string): void;
  gone(workload: string): void;
  /** a sidecar is served here whose certificate should have been renewed by the leader before now */
  isRenewalDue(workload: string): boolean;
}

export interface PublisherOptions {
  readonly mesh: Mesh;
  readonly platform: Pick<Platform, 'leadership' | 'readProxy' | 'writeProxy' | 'removeProxy'>;
  readonly identities: Identities;
  readonly push: Push;
  /** destinations that the files hold, as JSON; undefined: none are known */
  readonly prewarmed: (workload: Workload) => string | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly writeWindowMs?: number;
  /** how often it is looked whose certificate is due */
  readonly renewalCheckMs?: number;
}

/** What a workload's configuration is now. */
export interface Published {
  readonly config: Pick<ProxyConfig, 'version'>;
  /** canonical JSON of the whole; undefined: this process has published none, and what the proxy has stays */
  readonly text: string | undefined;
  readonly conflicts: CompiledProxy['conflicts'];
  /** what it was merged from */
  readonly hits?: readonly Hit[];
  readonly sinceMs: number;
  /** why a newer configuration was not published; undefined: this is the newest */
  readonly withheld: Withheld | undefined;
}

/** Of what an earlier process has published, nothing is known. */
const UNKNOWN = { config: { version: { hash: '', policies: {} } }, text: undefined, conflicts: [] };

const WRITE_WINDOW_MS = 100;
const WRITE_CONCURRENCY = 8;
const RENEWAL_CHECK_MS = 30_000;

/**
 * Level-based: of each workload that may have changed, the configuration is compiled; where its bytes differ it
 * is pushed at once and, by the leader, written a little later. Certificates go the same way.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #published = new Map<string, Published>();
  /** what was given files, kept until they are removed: by then the mesh may have forgotten it */
  readonly #owners = new Map<string, Workload>();
  readonly #writes: KeyedWorker;
  /** of a follower */
  readonly #renewals: KeyedWorker;
  #cancelRenewal: () => void = () => {};

  constructor(options: PublisherOptions) {
    const { clock, random, log, writeWindowMs = WRITE_WINDOW_MS } = options;
    this.#options = options;
    this.#writes = new KeyedWorker({
      ...{ clock, random, windowMs: writeWindowMs, concurrency: WRITE_CONCURRENCY },
      work: (key) => this.#write(key),
      onError: (key, error) =>
        log.warn({ workload: key }, `the files of ${key} were not written: ${describeError(error)}`),
    });
    this.#renewals = new KeyedWorker({
      ...{ clock, random, windowMs: 0, concurrency: WRITE_CONCURRENCY },
      work: (key) => this.#renew(key),
      onError: (key, error) =>
        log.warn({ workload: key }, `the certificate of ${key} was not renewed: ${describeError(error)}`),
    });
  }

  start(): void {
    const { clock, platform, renewalCheckMs = RENEWAL_CHECK_MS } = this.#options;
    platform.leadership.onChange((isLeader) => (isLeader ? this.#takeOver() : this.#writes.clear()));
    const check = () => {
      this.renewDue();
      this.#cancelRenewal = clock.after(renewalCheckMs, check);
    };
    this.#cancelRenewal = clock.after(renewalCheckMs, check);
  }
  stop(): void {
    this.#cancelRenewal();
    this.#writes.close();
    this.#renewals.close();
  }

  published(workload: string): Published | undefined {
    return this.#published.get(workload);
  }
  /** As streams tell it; undefined: there is nothing to tell. */
  told(workload: string): Versioned | undefined {
    const published = this.#published.get(workload);
    if (published?.text === undefined) return undefined;
    return { version: published.config.version, text: published.text };
  }
  /** Keys of Workloads that have a configuration, sorted. */
  keys(): string[] {
    return [...this.#published.keys()].sort();
  }

  /** @param keys of Workloads that may have changed or gone */
  refresh(keys: Iterable<string>): void {
    for (const key of keys) {
      const workload = this.#options.mesh.workload(key);
      if (workload !== undefined && this.#options.mesh.isMeshed(workload)) this.#refresh(workload);
      else this.#retire(key, workload);
    }
  }

  /**
   * The leader renews everybody's certificate, by writing it. A follower brings those it serves what the leader
   * has written, and signs itself where nothing came: any replica may.
   */
  renewDue(): void {
    const { platform, identities, push } = this.#options;
    const { isLeader } = platform.leadership;
    for (const [key, workload] of this.#owners) {
      if (isLeader && identities.isDue(workload)) this.#writes.add(key);
      if (!isLeader && push.isRenewalDue(key)) this.#renewals.add(key);
    }
  }

  /** Other roots are trusted: everybody's files say so, written by the leader a few at a time. */
  trustChanged(): void {
    for (const key of this.#published.keys()) this.#schedule(key);
  }

  /** For whoever asks before the leader has written: any replica may sign. */
  ensureIdentity(workload: Workload): Promise<IssuedIdentity> {
    return this.#options.identities.ensure(workload);
  }

  #refresh(workload: Workload): void {
    const { clock, push, mesh } = this.#options;
    const before = this.#published.get(workload.key);
    const changedOwner = isAnother(this.#owners.get(workload.key), workload);
    if (changedOwner) this.#retire(workload.key, undefined);
    this.#owners.set(workload.key, workload);
    const current = changedOwner ? undefined : before;
    const { proxy, withheld } = compileBounded(mesh, workload, current?.hits);
    this.#warn(workload.key, current?.withheld, withheld);
    const sinceMs = clock.unixMs();
    if (proxy === undefined) {
      this.#published.set(workload.key, { ...(current ?? { ...UNKNOWN, sinceMs }), withheld });
      return;
    }
    // Origins are not kept: whoever asks for them compiles again.
    const { config, conflicts, text, hits } = proxy;
    if (current?.text === text) {
      this.#published.set(workload.key, { ...current, conflicts, hits, withheld });
      return;
    }
    this.#published.set(workload.key, { config, conflicts, text, hits, sinceMs, withheld });
    push.configChanged(workload.key);
    this.#schedule(workload.key);
  }

  /** The status of the policies says so too. */
  #warn(key: string, before: Withheld | undefined, withheld: Withheld | undefined): void {
    if (withheld === undefined || withheld.reason === before?.reason) return;
    this.#options.log.warn({ workload: key }, `${key} keeps its configuration: ${withheld.reason}`);
  }

  #retire(key: string, workload: Workload | undefined): void {
    const { push, identities } = this.#options;
    if (
      workload !== undefined &&
      !this.#owners.has(key) &&
      workload.finished &&
      workload.proxyId !== undefined
    ) {
      this.#owners.set(key, workload);
    }
    if (!this.#owners.has(key)) return;
    this.#published.delete(key);
    identities.forget(key);
    push.gone(key);
    // Finished ones are kept by followers too, for the day they lead; of what went the leader has taken care.
    if (workload === undefined && !this.#options.platform.leadership.isLeader) this.#owners.delete(key);
    else this.#schedule(key);
  }

  #schedule(key: string): void {
    if (this.#options.platform.leadership.isLeader) this.#writes.add(key);
  }
  #takeOver(): void {
    this.#renewals.clear();
    this.#options.identities.recheck();
    for (const key of this.#owners.keys()) this.#writes.add(key);
  }

  async #write(key: string): Promise<void> {
    const { platform, identities, push, prewarmed } = this.#options;
    if (!platform.leadership.isLeader) return;
    const workload = this.#owners.get(key);
    if (workload === undefined) return;
    if (!this.#published.has(key)) return this.#remove(workload);
    const before = identities.current(workload);
    const identity = await identities.ensure(workload);
    if (identity.certificate !== before?.certificate) push.identityChanged(key);
    // Read again: it may have changed while the certificate was made.
    const published = this.#published.get(key);
    if (published === undefined || this.#owners.get(key) !== workload) return this.#writes.add(key);
    const config = published.text ?? (await platform.readProxy(workload))?.config;
    if (config === undefined) return;
    const destinations = prewarmed(workload);
    await platform.writeProxy(workload, { config, ...identity, ...(destinations && { destinations }) });
  }

  async #renew(key: string): Promise<void> {
    const { platform, identities, push } = this.#options;
    const workload = this.#owners.get(key);
    if (platform.leadership.isLeader || workload === undefined || !this.#published.has(key)) return;
    // The leader may have renewed since: what this replica knows of may still be usable, and is not the newest.
    identities.recheck(key);
    await identities.ensure(workload);
    push.identityChanged(key);
  }

  async #remove(workload: Workload): Promise<void> {
    await this.#options.platform.removeProxy(workload);
    if (!this.#published.has(workload.key) && this.#owners.get(workload.key) === workload) {
      this.#owners.delete(workload.key);
    }
  }
}

/** A pod of the same name that is another pod, as a StatefulSet makes them. */
function isAnother(before: Workload | undefined, now: Workload): boolean {
  return before !== undefined && (before.uid !== now.uid || before.proxyId !== now.proxyId);
}
