import type { LoadBalancing } from '../../api/destination-traffic.ts';
import type { Balancer } from './balancer.ts';
import { leastRequest } from './least-request.ts';
import { Maglev } from './maglev.ts';
import { peakEwma } from './peak-ewma.ts';
import { Random } from './random.ts';
import { RingHash } from './ring-hash.ts';
import { RoundRobin } from './round-robin.ts';

export type Algorithm = NonNullable<LoadBalancing['algorithm']>;

export const DEFAULT_ALGORITHM: Algorithm = 'PeakEWMA';

const create: { readonly [algorithm in Algorithm]: (random: () => number) => Balancer } = {
  PeakEWMA: peakEwma,
  LeastRequest: leastRequest,
  RoundRobin: (random) => new RoundRobin(random),
  Random: (random) => new Random(random),
  RingHash: () => new RingHash(),
  Maglev: () => new Maglev(),
};

/** `random` gives [0, 1). */
export function createBalancer(algorithm: Algorithm, random: () => number): Balancer {
  return create[algorithm](random);
}

/** Whether `pick` goes by the hash it is given. */
export function isHashing(algorithm: Algorithm): boolean {
  return algorithm === 'RingHash' || algorithm === 'Maglev';
}
