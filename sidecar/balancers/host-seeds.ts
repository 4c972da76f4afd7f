import { CONSISTENT_SEED, hash32 } from './hash.ts';
import type { Host } from './host.ts';
import { sortByKey } from './radix-sort.ts';

const SECOND_SEED = 0x9e3779b9;

/**
 * Two hashes of each host's name, the same in every process: two, since among 10,000 hosts one pair shares a
 * 32-bit hash in one list of a hundred, and one of the pair would get nothing.
 */
export interface HostSeeds {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  /** indices of hosts in an order that does not depend on the one they are listed in */
  readonly order: Uint32Array;
}

export function seedsOf(hosts: readonly Host[]): HostSeeds {
  const first = Uint32Array.from(hosts, (host) => hash32(host.name, CONSISTENT_SEED));
  const second = Uint32Array.from(hosts, (host) => hash32(host.name, SECOND_SEED));
  const order = Uint32Array.from(hosts.keys());
  sortByKey(Uint32Array.from(first), order);
  return { first, second, order };
}
