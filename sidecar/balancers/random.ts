import type { Balancer } from './balancer.ts';
import type { Host } from './host.ts';
import { notAvoidedFrom } from './not-avoided.ts';
import { WeightedSampler } from './weighted-sampler.ts';

/** Draws before the hosts are walked instead: only a request that has tried nearly all of them gets there. */
const MAX_DRAWS = 8;

/** Each request goes anywhere, in proportion to the weights. */
export class Random implements Balancer {
  readonly #sampler: WeightedSampler;
  #hosts: readonly Host[] = [];

  /** `random` gives [0, 1). */
  constructor(random: () => number) {
    this.#sampler = new WeightedSampler(random);
  }

  update(hosts: readonly Host[], weights: Float64Array): void {
    this.#hosts = hosts;
    this.#sampler.update(weights);
  }

  pick(_nowMs: number, _hash: number, avoid: readonly Host[]): Host | undefined {
    const index = sampleNotAvoided(this.#sampler, this.#hosts, avoid);
    return index < 0 ? undefined : this.#hosts[index];
  }
}

/** -1 when there is none but those of `avoid`. */
export function sampleNotAvoided(
  sampler: WeightedSampler,
  hosts: readonly Host[],
  avoid: readonly Host[],
): number {
  if (hosts.length === 0) return -1;
  let index = sampler.sample();
  for (let draw = 1; avoid.includes(hosts[index] as Host); draw += 1) {
    if (draw >= MAX_DRAWS) return notAvoidedFrom(index, hosts, avoid);
    index = sampler.sample();
  }
  return index;
}
