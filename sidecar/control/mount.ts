import { type FSWatcher, watch } from 'node:fs';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { messageOf } from '../log.ts';
import type { Identity } from '../proxy-state.ts';
import { readIdentity } from './certificate.ts';
import { checkBelongTogether, checkConfig } from './check-config.ts';
import type { Clock } from './clock.ts';
import { type KnownDestination, knownDestinations } from './known-destination.ts';
import { parseJson } from './lines.ts';
import { type ProxyFiles, readProxyFiles, stampOf } from './proxy-files.ts';
import { rootsOf } from './trust-bundle.ts';

export type Mounted =
  | { readonly kind: 'absent'; readonly trustBundle?: undefined }
  | { readonly kind: 'invalid'; readonly reason: string; readonly trustBundle?: string }
  | {
      readonly kind: 'valid';
      readonly config: ProxyConfig;
      readonly identity: Identity;
      readonly destinations: readonly KnownDestination[];
      readonly trustBundle?: undefined;
    };

export interface MountOptions {
  readonly directory: string;
  readonly proxyId: string;
  readonly clock: Clock;
  readonly onChange: (mounted: Mounted) => void;
  /** inotify tells at once, but not everywhere and not of a folder that does not exist yet */
  readonly pollMs?: number;
  /** writers of a plain folder write file by file */
  readonly settleMs?: number;
}

const POLL_MS = 5_000;
/** until something valid was found: whoever waits for the first Secret is a pod that does not start */
const FIRST_POLL_MS = 250;
const SETTLE_MS = 100;

/** The mounted Secret (or a folder of the same shape), read at the start and whenever it changes. */
export class Mount {
  readonly #options: MountOptions;
  readonly #pollMs: number;
  readonly #settleMs: number;
  #watcher: FSWatcher | undefined;
  #cancelTimer: () => void = () => {};
  #stamp: string | undefined;
  #reading = false;
  #found = false;
  #stopped = false;

  constructor(options: MountOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? POLL_MS;
    this.#settleMs = options.settleMs ?? SETTLE_MS;
  }

  /** What is there now; from then on `onChange` is told of every change until `stop`. */
  async start(): Promise<Mounted> {
    this.#stamp = await stampOf(this.#options.directory);
    const mounted = await this.#read();
    this.#watch();
    // not the poll's time: what was written while the first read was under way, nobody has watched
    this.#lookAfter(this.#settleMs);
    return mounted;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #watch(): void {
    if (this.#watcher !== undefined || this.#stopped) return;
    try {
      this.#watcher = watch(this.#options.directory, { persistent: false }, () => {
        if (!this.#reading) this.#lookAfter(this.#settleMs);
      });
      // a folder that was removed is looked for again by the poll
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      this.#watcher = undefined;
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #lookAfter(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#reading = true;
    const stamp = await stampOf(this.#options.directory);
    const changed = stamp !== this.#stamp;
    const mounted = changed ? await this.#read() : undefined;
    this.#reading = false;
    if (this.#stopped) return;
    this.#stamp = stamp;
    this.#watch();
    this.#lookAfter(changed ? this.#settleMs : this.#idleMs());
    if (mounted !== undefined) this.#options.onChange(mounted);
  }

  #idleMs(): number {
    return this.#found ? this.#pollMs : Math.min(this.#pollMs, FIRST_POLL_MS);
  }

  async #read(): Promise<Mounted> {
    let trustBundle: string | undefined;
    try {
      const files = await readProxyFiles(this.#options.directory);
      trustBundle = files && usableBundle(files.trustBundle);
      if (files === undefined) return { kind: 'absent' };
      const checked = checkFiles(files, this.#options.proxyId, this.#options.clock.nowMs());
      this.#found = true;
      return { kind: 'valid', ...checked, destinations: destinationsOf(files) };
    } catch (error) {
      return { kind: 'invalid', reason: messageOf(error), ...(trustBundle !== undefined && { trustBundle }) };
    }
  }
}

/** They are a convenience: whatever is wrong with them, the rest counts. */
function destinationsOf({ destinations }: ProxyFiles): readonly KnownDestination[] {
  try {
    return destinations === undefined ? [] : knownDestinations(parseJson(destinations));
  } catch {
    return [];
  }
}

/** Undefined: not one certificate, or something that is none. */
function usableBundle(trustBundle: string): string | undefined {
  try {
    return rootsOf(trustBundle).length > 0 ? trustBundle : undefined;
  } catch {
    return undefined;
  }
}

/** Throws with the first thing that is wrong. */
export function checkFiles(
  files: ProxyFiles,
  proxyId: string,
  nowMs: number,
): { config: ProxyConfig; identity: Identity } {
  const config = checkConfig(parseJson(files.config), proxyId);
  const identity = readIdentity(files, nowMs);
  checkBelongTogether(config, identity);
  return { config, identity };
}
