import type { Balancer } from './balancer.ts';
import type { Host } from './host.ts';
import { TwoChoices } from './two-choices.ts';

/** Of two hosts the one with fewer requests in flight for its weight. */
export function leastRequest(random: () => number): Balancer {
  return new TwoChoices(random, activeForWeight);
}

function activeForWeight(host: Host, share: number): number {
  return host.active / share;
}
