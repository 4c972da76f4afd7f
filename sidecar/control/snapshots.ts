import { type Log, messageOf } from '../log.ts';
import type { Clock } from './clock.ts';
import { NOTHING_SAVED, parseCore, type SavedCore, serializeCore } from './saved-core.ts';
import { SNAPSHOT_MAX_BYTES, SnapshotFile } from './snapshot.ts';

export interface KnownDestination {
  readonly key: string;
  readonly destination: unknown;
}

export interface SnapshotsOptions {
  readonly stateDir: string;
  readonly proxyId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly core: () => SavedCore;
  /** the most recently used first; what does not fit is left out from the end */
  readonly destinations: () => readonly KnownDestination[];
}

const DESTINATIONS_DELAY_MS = 5_000;
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
  #cancelSave: (() => void) | undefined;

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
    if (proxyId !== this.#options.proxyId || !Array.isArray(destinations)) return [];
    return destinations.filter((known: unknown) => typeof (known as KnownDestination)?.key === 'string');
  }

  /** Resolves also when it failed: a full disk must not stop a policy from taking effect. */
  async saveCore(): Promise<void> {
    await this.#coreFile
      .save(() => serializeCore(this.#options.core()))
      .catch((error) => this.#failed('configuration', error));
  }

  saveDestinationsSoon(): void {
    this.#cancelSave ??= this.#options.clock.after(
      DESTINATIONS_DELAY_MS,
      () => void this.#saveDestinations(),
    );
  }

  /** At the end: what was put off is written now. */
  async flush(): Promise<void> {
    if (this.#cancelSave !== undefined) await this.#saveDestinations();
    await this.#coreFile.settled();
  }

  async #saveDestinations(): Promise<void> {
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    await this.#destinationsFile
      .save(() => ({ proxyId: this.#options.proxyId, destinations: fitting(this.#options.destinations()) }))
      .catch((error) => this.#failed('destinations', error));
  }

  #ignore(reason: string): SavedCore {
    this.#options.log.info('no snapshot to start from', { reason });
    return NOTHING_SAVED;
  }

  #failed(what: string, error: unknown): void {
    this.#options.log.warn('the snapshot could not be written', { what, reason: messageOf(error) });
  }
}

function fitting(known: readonly KnownDestination[]): readonly KnownDestination[] {
  let bytes = 0;
  const end = known.findIndex((entry) => {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    return bytes > DESTINATIONS_MAX_BYTES;
  });
  return end === -1 ? known : known.slice(0, end);
}
