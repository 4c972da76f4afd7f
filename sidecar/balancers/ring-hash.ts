import type { Balancer } from './balancer.ts';
import { mix32 } from './hash.ts';
import type { Host } from './host.ts';
import { type HostSeeds, seedsOf } from './host-seeds.ts';
import { notAvoidedFrom } from './not-avoided.ts';
import { sortByKey } from './radix-sort.ts';
import { total } from './weighted-sampler.ts';

/** Points of a host of mean weight: shares then differ by about 1/16 of themselves. */
const MAX_POINTS_PER_HOST = 256;
/** Of the ring, whatever the number of hosts, plus one for each: bounds memory and the time of an update. */
const MAX_POINTS = 131_072;
/** Points of avoided hosts that are passed before the hosts are walked instead. */
const MAX_WALK = 64;

/**
 * Consistent hashing as ketama does it (Karger 1997): each host owns the arcs that end at its points, in
 * proportion to its weight. A host that goes leaves its arcs to others and moves nothing else; the ring is the
 * same in every process that lists the same hosts.
 */
export class RingHash implements Balancer {
  #hosts: readonly Host[] = [];
  /** ascending */
  #points = new Uint32Array(0);
  /** by point: index of its host */
  #owners = new Uint32Array(0);

  update(hosts: readonly Host[], weights: Float64Array): void {
    const counts = pointCounts(weights);
    const size = counts.reduce((sum, count) => sum + count, 0);
    this.#hosts = hosts;
    this.#points = new Uint32Array(size);
    this.#owners = new Uint32Array(size);
    this.#place(seedsOf(hosts), counts);
    sortByKey(this.#points, this.#owners);
  }

  pick(_nowMs: number, hash: number, avoid: readonly Host[]): Host | undefined {
    if (this.#hosts.length === 0) return undefined;
    let at = this.#firstPointFrom(hash);
    for (let step = 0; step < MAX_WALK; step += 1) {
      const host = this.#hosts[this.#owners[at] as number] as Host;
      if (!avoid.includes(host)) return host;
      at = at + 1 === this.#points.length ? 0 : at + 1;
    }
    return this.#hosts[notAvoidedFrom(this.#owners[at] as number, this.#hosts, avoid)];
  }

  /** Double hashing: hosts that share one seed still part ways after the first point. */
  #place({ first, second, order }: HostSeeds, counts: Uint32Array): void {
    let at = 0;
    for (const index of order) {
      const start = first[index] as number;
      const stride = (second[index] as number) | 1;
      const end = at + (counts[index] as number);
      for (let point = start; at < end; at += 1, point = (point + stride) | 0) {
        this.#points[at] = mix32(point);
        this.#owners[at] = index;
      }
    }
  }

  #firstPointFrom(hash: number): number {
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#points[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low === this.#points.length ? 0 : low;
  }
}

/**
 * Points per host go down in powers of two as hosts become many, so that one more host rarely changes the
 * count of the others.
 */
function pointCounts(weights: Float64Array): Uint32Array {
  const room = Math.max(1, Math.floor(MAX_POINTS / Math.max(1, weights.length)));
  const perHost = Math.min(MAX_POINTS_PER_HOST, 2 ** Math.floor(Math.log2(room)));
  const perWeight = (perHost * weights.length) / total(weights);
  return Uint32Array.from(weights, (weight) => Math.max(1, Math.round(weight * perWeight)));
}
