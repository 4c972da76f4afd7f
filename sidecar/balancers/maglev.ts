import type { Balancer } from './balancer.ts';
import type { Host } from './host.ts';
import { type HostSeeds, seedsOf } from './host-seeds.ts';
import { notAvoidedFrom } from './not-avoided.ts';
import { sortByKey } from './radix-sort.ts';
import { total } from './weighted-sampler.ts';

/** Prime, with a hundred places a host: shares differ by 1 % at most. One step only: it moves nearly every key. */
const SMALL = { maxHosts: 64, size: 6_553 } as const;
/** Prime. With more hosts than places some get none; RingHash has no such limit. */
const LARGE_SIZE = 65_537;
/** Places of avoided hosts that are passed before the hosts are walked instead. */
const MAX_WALK = 64;
const EMPTY = -1;

/**
 * Consistent hashing by a table (Eisenbud 2016, "Maglev: A Fast and Reliable Software Network Load Balancer",
 * section 3.4): a pick is one look-up, shares are more even than a ring's, and a host that goes moves a few
 * keys besides its own. The table is the same in every process that lists the same hosts.
 */
export class Maglev implements Balancer {
  #hosts: readonly Host[] = [];
  /** by hash modulo its length: index of the host */
  #table = new Int32Array(0);

  update(hosts: readonly Host[], weights: Float64Array): void {
    this.#hosts = hosts;
    this.#table = new Int32Array(hosts.length <= SMALL.maxHosts ? SMALL.size : LARGE_SIZE).fill(EMPTY);
    const seeds = seedsOf(hosts);
    fill(this.#table, turnsOf(seeds.order, weights, this.#table.length), seeds);
  }

  pick(_nowMs: number, hash: number, avoid: readonly Host[]): Host | undefined {
    if (this.#hosts.length === 0) return undefined;
    let at = hash % this.#table.length;
    for (let step = 0; step < MAX_WALK; step += 1) {
      const host = this.#hosts[this.#table[at] as number] as Host;
      if (!avoid.includes(host)) return host;
      at = at + 1 === this.#table.length ? 0 : at + 1;
    }
    return this.#hosts[notAvoidedFrom(this.#table[at] as number, this.#hosts, avoid)];
  }
}

/**
 * Whose turn it is to take a place: a host with k places takes the i-th at (i + ½) / k of the time, so heavier
 * hosts come more often and equal ones alternate. At least as many turns as places.
 */
function turnsOf(order: Uint32Array, weights: Float64Array, places: number): Uint32Array {
  const perWeight = places / total(weights);
  const counts = Uint32Array.from(weights, (weight) => Math.ceil(weight * perWeight));
  const size = counts.reduce((sum, count) => sum + count, 0);
  const times = new Uint32Array(size);
  const turns = new Uint32Array(size);
  let at = 0;
  for (const index of order) {
    const count = counts[index] as number;
    for (let turn = 0; turn < count; turn += 1, at += 1) {
      times[at] = ((turn + 0.5) / count) * 0x1_0000_0000;
      turns[at] = index;
    }
  }
  sortByKey(times, turns);
  return turns;
}

/** In each turn a host takes the first free place of its own permutation of all places. */
function fill(table: Int32Array, turns: Uint32Array, { first, second }: HostSeeds): void {
  const size = table.length;
  const next = first.map((seed) => seed % size);
  const steps = Math.min(size, turns.length);
  for (let turn = 0; turn < steps; turn += 1) {
    const index = turns[turn] as number;
    const skip = 1 + ((second[index] as number) % (size - 1));
    let place = next[index] as number;
    while (table[place] !== EMPTY) {
      place += skip;
      if (place >= size) place -= size;
    }
    table[place] = index;
    next[index] = place;
  }
}
