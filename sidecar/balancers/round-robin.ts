import type { Balancer } from './balancer.ts';
import type { Host } from './host.ts';
import { notAvoidedFrom } from './not-avoided.ts';

/** Turns taken before the hosts are walked instead: only a request that has tried nearly all gets there. */
const MAX_TURNS = 8;

/**
 * Each host in turn, heavier ones more often and evenly spaced: earliest deadline first. A host's next turn is
 * 1/weight after its last, and a binary heap holds who is next, so that a pick costs O(log n) where looking
 * for the largest current weight, the better known way, costs O(n). With equal weights it is plain rotation.
 */
export class RoundRobin implements Balancer {
  readonly #random: () => number;
  #hosts: readonly Host[] = [];
  #weights = new Float64Array(0);
  /** by host: virtual time of its next turn */
  #turns = new Float64Array(0);
  /** indices of hosts; each is due no later than the two at twice its place plus one and two */
  #heap = new Uint32Array(0);
  #now = 0;

  /** `random` gives [0, 1): where a host starts, so that callers do not march in step. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Hosts that stay keep their place in the round. */
  update(hosts: readonly Host[], weights: Float64Array): void {
    const waits = this.#waits();
    this.#hosts = hosts;
    this.#weights = Float64Array.from(weights);
    this.#now = 0;
    this.#turns = Float64Array.from(hosts, (host, index) => {
      return (waits.get(host) ?? this.#random()) / (weights[index] as number);
    });
    this.#heap = Uint32Array.from(hosts.keys());
    for (let place = (hosts.length >>> 1) - 1; place >= 0; place -= 1) this.#sink(place);
  }

  pick(_nowMs: number, _hash: number, avoid: readonly Host[]): Host | undefined {
    if (this.#hosts.length === 0) return undefined;
    let index = this.#takeTurn();
    for (let turn = 1; avoid.includes(this.#hosts[index] as Host); turn += 1) {
      if (turn >= MAX_TURNS) return this.#hosts[notAvoidedFrom(index, this.#hosts, avoid)];
      index = this.#takeTurn();
    }
    return this.#hosts[index];
  }

  #takeTurn(): number {
    const index = this.#heap[0] as number;
    this.#now = this.#turns[index] as number;
    this.#turns[index] = this.#now + 1 / (this.#weights[index] as number);
    this.#sink(0);
    return index;
  }

  /** For each host the part of its interval that it still has to wait, in [0, 1]. */
  #waits(): Map<Host, number> {
    const waits = new Map<Host, number>();
    for (const [index, host] of this.#hosts.entries()) {
      waits.set(host, ((this.#turns[index] as number) - this.#now) * (this.#weights[index] as number));
    }
    return waits;
  }

  /** Restores the heap when only the host at `place` may be due too late for it. */
  #sink(place: number): void {
    const heap = this.#heap;
    const sinking = heap[place] as number;
    const due = this.#turns[sinking] as number;
    let at = place;
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && this.#dueAt(child + 1) < this.#dueAt(child)) child += 1;
      if (this.#dueAt(child) >= due) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = sinking;
  }

  #dueAt(place: number): number {
    return this.#turns[this.#heap[place] as number] as number;
  }
}
