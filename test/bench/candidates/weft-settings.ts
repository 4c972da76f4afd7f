import type { Destination } from '../../../api/destination.ts';
import type { ProxyConfig } from '../../../api/proxy-config.ts';
import type { Identity } from '../../../sidecar/proxy-state.ts';

/** All that the process of the Weft candidate is told, as one file. */
export interface WeftSettings {
  readonly identity: Identity;
  readonly config: ProxyConfig;
  readonly destinations: readonly Destination[];
  /** where metrics are served, if they are */
  readonly metricsPort?: number;
  /** how many requests are kept to be asked about */
  readonly trails?: number;
}
