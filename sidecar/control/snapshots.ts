import { type Log, messageOf } from '../log.ts';
import type { Clock } from './clock.ts';
import { type KnownDestination, knownDestinations } from './known-destination.ts';
import { NOTHING_SAVED, parseCore, type SavedCore, serializeCore } from './saved-core.ts';
import { SNAPSHOT_MAX_BYTES, SnapshotFile } from './snapshot.ts';

export interface SnapshotsOptions {
  readonly stateDir: string;
  readonly proxyId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly core: () => SavedCore;
  /** the most recently used first; what does not fit is left out from the end */
  readonly destinations: () => readonly KnownDestination[];
}

/** Until endpoints that changed are on disk; and a destination just learned, which a process that is killed forgets. */
const CHANGED_DELAY_MS = 5_000;
const LEARNED_DELAY_MS = 100;
/** However many are learned, writing them takes a small share of the time. */
const BYTES_PER_MS = 2 * 1024;
/** leaves room for what JSON adds */
const DESTINATIONS_MAX_BYTES = SNAPSHOT_MAX_BYTES - 64 * 1024;

/**
 * What a restart finds again. Two files, because destinations change often and are many, while the
 * configuration must be on disk before it is acknowledged.
 */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #coreFile: SnapshotFile;
  readonly #destinationsFile: SnapshotFile;
  #pending: { readonly dueMs: number; readonly cancel: () => void } | undefined;
  #destinationsBytes = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    this.#coreFile = new SnapshotFile(options.stateDir, 'snapshot');
    this.#destinationsFile = new SnapshotFile(options.stateDir, 'destinations');
  }

  async loadCore(): Promise<SavedCore> {
    const loaded = await this.#coreFile.load();
    if ('reason' in loaded) return this.#ignore(loaded.reason);
    try {
      return parseCore(loaded.value, this.#options.proxyId);
    } catch (error) {
      return this.#ignore(messageOf(error));
    }
  }

  async loadDestinations(): Promise<readonly KnownDestination[]> {
    const loaded = await this.#destinationsFile.load();
    if ('reason' in loaded) return [];
    const { proxyId, destinations } = (loaded.value ?? {}) as Record<string, unknown>;
    return proxyId === this.#options.proxyId ? knownDestinations(destinations) : [];
  }

  /** Resolves also when it failed: a full disk must not stop a policy from taking effect. */
  async saveCore(): Promise<void> {
    await this.#coreFile
      .save(() => serializeCore(this.#options.core()))
      .catch((error) => this.#failed('configuration', error));
  }

  /** `isLearned`: something that was not known at all, which must not be forgotten. */
  saveDestinationsSoon(isLearned: boolean): void {
    const { clock } = this.#options;
    const learnedMs = Math.max(LEARNED_DELAY_MS, this.#destinationsBytes / BYTES_PER_MS);
    const delayMs = isLearned ? Math.min(learnedMs, CHANGED_DELAY_MS) : CHANGED_DELAY_MS;
    const dueMs = clock.nowMs() + delayMs;
    if (this.#pending !== undefined && this.#pending.dueMs <= dueMs) return;
    this.#pending?.cancel();
    this.#pending = { dueMs, cancel: clock.after(delayMs, () => void this.#saveDestinations()) };
  }

  /** At the end: what was put off is written now. */
  async flush(): Promise<void> {
    if (this.#pending !== undefined) await this.#saveDestinations();
    await this.settled();
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await Promise.all([this.#coreFile.settled(), this.#destinationsFile.settled()]);
  }

  async #saveDestinations(): Promise<void> {
    this.#pending?.cancel();
    this.#pending = undefined;
    await this.#destinationsFile
      .save(() => ({ proxyId: this.#options.proxyId, destinations: this.#fitting() }))
      .catch((error) => this.#failed('destinations', error));
  }

  #fitting(): readonly KnownDestination[] {
    const known = this.#options.destinations();
    let bytes = 0;
    const end = known.findIndex((entry) => {
      bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
      return bytes > DESTINATIONS_MAX_BYTES;
    });
    this.#destinationsBytes = bytes;
    return end === -1 ? known : known.slice(0, end);
  }

  #ignore(reason: string): SavedCore {
    this.#options.log.info('no snapshot to start from', { reason });
    return NOTHING_SAVED;
  }

  #failed(what: string, error: unknown): void {
    this.#options.log.warn('the snapshot could not be written', { what, reason: messageOf(error) });
  }
}
