import { balancerSuite } from './balancer.suite.ts';
import { type Algorithm, createBalancer } from './create-balancer.ts';

/** A ring's shares are as even as its points are many; the others' as the number of picks is large. */
const TOLERANCES: { readonly [algorithm in Algorithm]: number } = {
  PeakEWMA: 0.12,
  LeastRequest: 0.12,
  RoundRobin: 0.01,
  Random: 0.12,
  RingHash: 0.5,
  Maglev: 0.12,
};

for (const [algorithm, tolerance] of Object.entries(TOLERANCES) as [Algorithm, number][]) {
  balancerSuite(algorithm, (random) => createBalancer(algorithm, random), { tolerance });
}
