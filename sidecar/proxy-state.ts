import type { Destination } from '../api/destination.ts';
import type { ProxyConfig } from '../api/proxy-config.ts';

/**
 * The seam between control/ (where configuration comes from) and the data path (what it does). The data path
 * compiles a configuration into closures and tables when it arrives, never per request.
 */
export interface ProxyState {
  readonly identity: Identity | undefined;
  readonly config: ProxyConfig | undefined;
  readonly destinations: DestinationTable;
  /**
   * Registers a part of the data path. `prepare` compiles the configuration and returns the function that
   * swaps it in; when any part throws in `prepare`, none is swapped, the version is refused (nack) and the
   * old configuration stays. Called at once if a configuration is in force.
   */
  onConfig(prepare: (config: ProxyConfig) => () => void): void;
  onIdentity(listener: (identity: Identity) => void): void;
}

/** PEM texts and what was read out of the leaf. */
export interface Identity {
  readonly certificate: string;
  readonly privateKey: string;
  readonly trustBundle: string;
  readonly spiffeId: string;
  readonly trustDomain: string;
  readonly notAfterMs: number;
}

/** `null`: outside the mesh. `unreachable`: not known, and the control plane cannot be asked. */
export type Resolution = Destination | null | 'unreachable';

export interface DestinationTable {
  /** Calls `done` exactly once, synchronously when the answer is known. Marks the destination as in use. */
  resolve(key: string, done: (answer: Resolution) => void): void;
  /** Told of every destination that changed or went, so that balancers and pools follow. */
  onChange(listener: (key: string, destination: Destination | null | undefined) => void): void;
  /** Asked before what nobody has called for long is dropped: a connection may still lead there. */
  keepWhile(isInUse: (key: string) => boolean): void;
}
