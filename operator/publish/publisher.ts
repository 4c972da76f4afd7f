import { CONFIG_MAX_BYTES } from '../../api/names.ts';
import type { Clock } from '../clock.ts';
import { canonicalJson } from '../compile/canonical-json.ts';
import { type CompiledProxy, compileProxyConfig } from '../compile/proxy-config.ts';
import { describeError, type Log } from '../log.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import type { Platform } from '../platform.ts';
import type { Identities } from './identities.ts';
import { KeyedWorker } from './keyed-worker.ts';
import type { IssuedIdentity } from './stream-source.ts';

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
  readonly platform: Pick<Platform, 'leadership' | 'writeProxy' | 'removeProxy'>;
  readonly identities: Identities;
  readonly push: Push;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly writeWindowMs?: number;
}

/** What a workload's configuration is now. */
export interface Published extends Omit<CompiledProxy, 'origins'> {
  /** canonical JSON of config */
  readonly text: string;
  readonly sinceMs: number;
  /** why a newer configuration was not published; undefined: this is the newest */
  readonly withheld: string | undefined;
}

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
    const { clock, platform } = this.#options;
    platform.leadership.onChange((isLeader) => (isLeader ? this.#takeOver() : this.#writes.clear()));
    const check = () => {
      this.renewDue();
      this.#cancelRenewal = clock.after(RENEWAL_CHECK_MS, check);
    };
    this.#cancelRenewal = clock.after(RENEWAL_CHECK_MS, check);
  }
  stop(): void {
    this.#cancelRenewal();
    this.#writes.close();
    this.#renewals.close();
  }

  published(workload: string): Published | undefined {
    return this.#published.get(workload);
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

  /** For whoever asks before the leader has written: any replica may sign. */
  ensureIdentity(workload: Workload): Promise<IssuedIdentity> {
    return this.#options.identities.ensure(workload);
  }

  #refresh(workload: Workload): void {
    const { clock, log, push, mesh } = this.#options;
    const before = this.#published.get(workload.key);
    const changedOwner = isAnother(this.#owners.get(workload.key), workload);
    if (changedOwner) this.#retire(workload.key, undefined);
    this.#owners.set(workload.key, workload);
    let compiled: Omit<CompiledProxy, 'origins'>;
    try {
      // Origins are not kept: whoever asks for them compiles again.
      const { config, conflicts } = compileProxyConfig(mesh, workload);
      compiled = { config, conflicts };
    } catch (error) {
      const { key } = workload;
      log.error({ workload: key }, `the configuration of ${key} was not compiled: ${describeError(error)}`);
      return;
    }
    const text = canonicalJson(compiled.config);
    const current = changedOwner ? undefined : before;
    if (current?.text === text) {
      this.#published.set(workload.key, { ...current, conflicts: compiled.conflicts, withheld: undefined });
      return;
    }
    const bytes = Buffer.byteLength(text);
    if (bytes > CONFIG_MAX_BYTES) {
      this.#withhold(workload.key, current, bytes);
      return;
    }
    this.#published.set(workload.key, { ...compiled, text, sinceMs: clock.unixMs(), withheld: undefined });
    push.configChanged(workload.key);
    this.#schedule(workload.key);
  }

  /** What is in force stays in force; the status of the policies says so. */
  #withhold(key: string, current: Published | undefined, bytes: number): void {
    const withheld = `the merged configuration is ${bytes} bytes, more than ${CONFIG_MAX_BYTES}`;
    this.#options.log.warn({ workload: key, bytes }, `${key} keeps its configuration: ${withheld}`);
    if (current !== undefined) this.#published.set(key, { ...current, withheld });
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
    const { platform, identities, push } = this.#options;
    if (!platform.leadership.isLeader) return;
    const workload = this.#owners.get(key);
    if (workload === undefined) return;
    if (!this.#published.has(key)) return this.#remove(workload);
    const before = identities.current(workload);
    const identity = await identities.ensure(workload);
    if (identity !== before) push.identityChanged(key);
    // Read again: it may have changed while the certificate was made.
    const published = this.#published.get(key);
    if (published === undefined || this.#owners.get(key) !== workload) return this.#writes.add(key);
    await platform.writeProxy(workload, { config: published.text, ...identity });
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
