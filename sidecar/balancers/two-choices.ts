import type { Balancer } from './balancer.ts';
import type { Host } from './host.ts';
import { sampleNotAvoided } from './random.ts';
import { total, WeightedSampler } from './weighted-sampler.ts';

/** What one more request costs at a host. `share` is its weight as a multiple of the mean weight. */
export type Cost = (host: Host, share: number, nowMs: number) => number;

/**
 * The cheaper of two hosts drawn at random (Mitzenmacher 2001, "The Power of Two Choices in Randomized Load
 * Balancing"): nearly as even as looking at all of them, at constant cost, and callers that know nothing of
 * each other do not all run to the same host.
 *
 * With equal weights the two are distinct. Otherwise each is drawn in proportion to its weight and they may be
 * the same host: then, costs being equal on average, a host's share is exactly that of its weight, and one that
 * is idle because it is new gets twice its share at most. Drawing evenly and dividing the cost by the weight
 * would give all the requests of an idle pair to the heavier one.
 */
export class TwoChoices implements Balancer {
  readonly #random: () => number;
  readonly #cost: Cost;
  readonly #softness: number;
  readonly #sampler: WeightedSampler;
  #hosts: readonly Host[] = [];
  #shares = new Float64Array(0);

  /** `random` gives [0, 1). */
  /**
   * `softness`: 0, the cheaper one always; else with the odds of the costs to this power, for costs that are
   * estimates. A small difference then decides little, and who looks dear is looked at again now and then.
   */
  constructor(random: () => number, cost: Cost, softness = 0) {
    this.#random = random;
    this.#cost = cost;
    this.#softness = softness;
    this.#sampler = new WeightedSampler(random);
  }

  update(hosts: readonly Host[], weights: Float64Array): void {
    this.#hosts = hosts;
    this.#sampler.update(weights);
    const mean = total(weights) / weights.length;
    this.#shares = weights.map((weight) => weight / mean);
  }

  pick(nowMs: number, _hash: number, avoid: readonly Host[]): Host | undefined {
    const first = sampleNotAvoided(this.#sampler, this.#hosts, avoid);
    if (first < 0) return undefined;
    const second = this.#second(first, avoid);
    return this.#hosts[
      this.#prefersSecond(this.#costOf(first, nowMs), this.#costOf(second, nowMs)) ? second : first
    ];
  }

  #prefersSecond(first: number, second: number): boolean {
    if (this.#softness === 0 || first === 0 || second === 0) return second < first;
    return this.#random() * (1 + (second / first) ** this.#softness) < 1;
  }

  #second(first: number, avoid: readonly Host[]): number {
    if (avoid.length > 0 || !this.#sampler.isUniform) {
      return sampleNotAvoided(this.#sampler, this.#hosts, avoid);
    }
    const others = this.#hosts.length - 1;
    if (others === 0) return first;
    const drawn = Math.min(Math.floor(this.#random() * others), others - 1);
    return drawn < first ? drawn : drawn + 1;
  }

  #costOf(index: number, nowMs: number): number {
    return this.#cost(this.#hosts[index] as Host, this.#shares[index] as number, nowMs);
  }
}
