import type { Host } from './host.ts';

/**
 * Chooses among hosts that may be used; which those are is decided by HostSet. `pick` runs once per request:
 * no allocation, no work that grows with the number of hosts.
 */
export interface Balancer {
  /** Replaces the hosts. `weights[i]` belongs to `hosts[i]`: endpoint weight times slow start, > 0. */
  update(hosts: readonly Host[], weights: Float64Array): void;
  /**
   * The host for the next request; undefined when there is none but those of `avoid`. `hash` is a 32-bit
   * unsigned integer for the algorithms that hash, ignored by the others. `avoid` is short: what this request
   * has tried before.
   */
  pick(nowMs: number, hash: number, avoid: readonly Host[]): Host | undefined;
}
