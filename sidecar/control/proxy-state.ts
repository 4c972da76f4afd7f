import type { ProxyConfig } from '../../api/proxy-config.ts';
import { type Log, messageOf } from '../log.ts';
import type { DestinationTable, Identity, ProxyState } from '../proxy-state.ts';

export type Applied = { readonly ok: true } | { readonly ok: false; readonly reason: string };
type Prepare = (config: ProxyConfig) => () => void;

/** What is in force, and the one place where it changes: all parts of the data path, or none. */
export class AppliedState implements ProxyState {
  readonly destinations: DestinationTable;
  readonly #log: Log;
  readonly #parts: Prepare[] = [];
  readonly #identityListeners: ((identity: Identity) => void)[] = [];
  #config: ProxyConfig | undefined;
  #identity: Identity | undefined;

  constructor(destinations: DestinationTable, log: Log) {
    this.destinations = destinations;
    this.#log = log;
  }

  get config(): ProxyConfig | undefined {
    return this.#config;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  onConfig(prepare: Prepare): void {
    if (this.#config !== undefined) prepare(this.#config)();
    this.#parts.push(prepare);
  }

  onIdentity(listener: (identity: Identity) => void): void {
    this.#identityListeners.push(listener);
    if (this.#identity !== undefined) listener(this.#identity);
  }

  /**
   * Every part compiles the configuration; if one cannot, nothing changes. Then all swap, in one turn of the
   * event loop. A swap must not throw; one that does is a defect, is logged, and the others still swap.
   */
  applyConfig(config: ProxyConfig): Applied {
    let swaps: (() => void)[];
    try {
      swaps = this.#parts.map((prepare) => prepare(config));
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    }
    this.#config = config;
    for (const swap of swaps) this.#guard('a part failed to swap its configuration', swap);
    return { ok: true };
  }

  applyIdentity(identity: Identity): void {
    this.#identity = identity;
    for (const listener of this.#identityListeners) {
      this.#guard('a part failed to take the new identity', () => listener(identity));
    }
  }

  #guard(message: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#log.error(message, { error });
    }
  }
}
