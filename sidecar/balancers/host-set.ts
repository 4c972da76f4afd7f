import type { Endpoint } from '../../api/destination.ts';
import type { LoadBalancing } from '../../api/destination-traffic.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import { availableOf, DEFAULT_PANIC_PERCENT } from './availability.ts';
import type { Balancer } from './balancer.ts';
import { type Algorithm, createBalancer, DEFAULT_ALGORITHM, isHashing } from './create-balancer.ts';
import { mix32 } from './hash.ts';
import type { Host } from './host.ts';
import { HostList } from './host-list.ts';
import { capacityShare, loadedShare, type Split, splitByZone } from './locality.ts';
import { observe } from './peak-ewma.ts';
import { isYoung, rampedWeight, rampStepMs } from './slow-start.ts';
import { total } from './weighted-sampler.ts';

/** With this many hosts or more, changed verdicts are taken in at intervals, so that a storm of them is cheap. */
const MANY_HOSTS = 1_000;
const MANY_HOSTS_INTERVAL_MS = 50;
const SPILL_SEED = 0x5bd1e995;

export interface HostSetOptions {
  /** its clock is the one of every `nowMs` given to the methods */
  readonly timers: Timers;
  /** [0, 1) */
  readonly random: () => number;
  /** called once for each host that is no longer listed; requests to it may still be under way */
  readonly onRemoved?: (host: Host) => void;
}

/**
 * The hosts of one destination and the choice among them: which may be used and with what weight is worked out
 * when something changes, by the first pick after it, and never per request.
 */
export class HostSet {
  readonly #options: HostSetOptions;
  readonly #list = new HostList();
  #policy: LoadBalancing = {};
  #ownZone: string | undefined;
  #algorithm: Algorithm = DEFAULT_ALGORITHM;
  /** over the hosts of the own zone, or over all when zones do not count */
  #near: Balancer;
  #far: Balancer;

  /** when the balancers are next brought up to date, by a pick; Infinity: they are */
  #dueMs = Number.POSITIVE_INFINITY;
  #builtMs = Number.NEGATIVE_INFINITY;
  #rampTimer: Timer | undefined;

  #nearHosts = 0;
  #nearActive = 0;
  /** of the usable weight; 1: there is nothing far */
  #evenShare = 1;
  /** of the requests, as long as the near hosts are not loaded */
  #nearShare = 1;
  #isPanicking = false;
  #usable = 0;
  #panicPicks = 0;

  constructor(options: HostSetOptions) {
    this.#options = options;
    this.#near = createBalancer(this.#algorithm, options.random);
    this.#far = createBalancer(this.#algorithm, options.random);
  }

  /** All that are listed, usable or not. */
  get hosts(): readonly Host[] {
    return this.#list.hosts;
  }

  get algorithm(): Algorithm {
    return this.#algorithm;
  }

  /** Whether the last pick was among all hosts because too few are usable. */
  get isPanicking(): boolean {
    return this.#isPanicking;
  }

  /** Picks made while panicking, ever. */
  get panicPicks(): number {
    return this.#panicPicks;
  }

  update(endpoints: readonly Endpoint[]): void {
    const removed = this.#list.update(endpoints, this.#options.timers.nowMs());
    this.#dueMs = Number.NEGATIVE_INFINITY;
    for (const host of removed) {
      host.isLocal = false;
      this.#options.onRemoved?.(host);
    }
  }

  /** `ownZone`: where this sidecar runs, undefined when not known. */
  setPolicy(policy: LoadBalancing | undefined, ownZone: string | undefined): void {
    const algorithm = policy?.algorithm ?? DEFAULT_ALGORITHM;
    this.#policy = policy ?? {};
    this.#ownZone = ownZone;
    this.#dueMs = Number.NEGATIVE_INFINITY;
    if (algorithm === this.#algorithm) return;
    this.#algorithm = algorithm;
    this.#near = createBalancer(algorithm, this.#options.random);
    this.#far = createBalancer(algorithm, this.#options.random);
  }

  /** A host's verdict changed: `healthy` or `ejectedUntilMs`. Cheap; may be called as often as one likes. */
  refresh(): void {
    const waitMs = this.hosts.length < MANY_HOSTS ? 0 : MANY_HOSTS_INTERVAL_MS;
    this.#dueMs = Math.min(this.#dueMs, this.#builtMs + waitMs);
  }

  /** See Balancer.pick. Undefined when no host is usable, or only those of `avoid`. */
  pick(nowMs: number, hash: number, avoid: readonly Host[]): Host | undefined {
    if (nowMs >= this.#dueMs) this.#rebuild(nowMs);
    if (this.#isPanicking) this.#panicPicks += 1;
    if (this.#staysNear(hash)) {
      return this.#near.pick(nowMs, hash, avoid) ?? this.#far.pick(nowMs, hash, avoid);
    }
    return this.#far.pick(nowMs, hash, avoid) ?? this.#near.pick(nowMs, hash, avoid);
  }

  /** Writes down among how many, and how, the last pick was made. */
  describe(choice: {
    algorithm: string;
    knownEndpoints: number;
    usableEndpoints: number;
    isPanicking: boolean;
  }): void {
    choice.algorithm = this.#algorithm;
    choice.knownEndpoints = this.hosts.length;
    choice.usableEndpoints = this.#usable;
    choice.isPanicking = this.#isPanicking;
  }

  /** A request goes to `host`; `finished` must follow, once. */
  started(host: Host): void {
    host.active += 1;
    if (host.isLocal) this.#nearActive += 1;
  }

  /** `latencyMs`: until the response head, or the time waited when that timed out; undefined: not known. */
  finished(host: Host, nowMs: number, latencyMs: number | undefined): void {
    host.active -= 1;
    if (host.isLocal) this.#nearActive -= 1;
    observe(host, nowMs, latencyMs);
  }

  close(): void {
    this.#rampTimer?.cancel();
    this.#rampTimer = undefined;
    this.update([]);
  }

  /** Requests with the same hash stay or leave together, whatever the load: they are to find the same host. */
  #staysNear(hash: number): boolean {
    if (this.#evenShare === 1) return true;
    if (isHashing(this.#algorithm)) return mix32(hash ^ SPILL_SEED) < this.#nearShare * 0x1_0000_0000;
    const share = loadedShare(this.#nearShare, this.#evenShare, this.#nearActive, this.#nearHosts);
    return share === 1 || this.#options.random() < share;
  }

  #rebuild(nowMs: number): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#builtMs = nowMs;
    const available = availableOf(this.hosts, this.#policy.panicPercent ?? DEFAULT_PANIC_PERCENT);
    this.#isPanicking = available.isPanicking;
    this.#usable = available.usable;
    const split = this.#split(available.hosts);
    this.#count(split.local);
    const near = this.#fill(this.#near, split.local, nowMs);
    const far = this.#fill(this.#far, split.remote, nowMs);
    this.#evenShare = far === 0 ? 1 : near / (near + far);
    this.#nearShare = capacityShare(this.#evenShare, split.zones);
    this.#scheduleRamp(nowMs);
  }

  /** Zones count when the policy says so, and there is a choice; not in panic, where nobody is believed. */
  #split(hosts: readonly Host[]): Split {
    const all = { local: hosts, remote: [], zones: 1 };
    if (this.#policy.locality !== 'PreferSameZone' || this.#ownZone === undefined) return all;
    if (this.#isPanicking) return all;
    const split = splitByZone(hosts, this.#ownZone);
    return split.local.length === 0 ? all : split;
  }

  #count(near: readonly Host[]): void {
    for (const host of this.hosts) host.isLocal = false;
    this.#nearHosts = near.length;
    this.#nearActive = 0;
    for (const host of near) {
      host.isLocal = true;
      this.#nearActive += host.active;
    }
  }

  /** Returns the sum of the weights. */
  #fill(balancer: Balancer, hosts: readonly Host[], nowMs: number): number {
    const slowStartMs = this.#policy.slowStartMs ?? 0;
    const weights = Float64Array.from(hosts, (host) => rampedWeight(host, slowStartMs, nowMs));
    balancer.update(hosts, weights);
    return total(weights);
  }

  /** As long as some weight grows. A set that is not used has no timer: the next pick sets one. */
  #scheduleRamp(nowMs: number): void {
    const slowStartMs = this.#policy.slowStartMs ?? 0;
    if (this.#rampTimer !== undefined) return;
    if (!this.hosts.some((host) => isYoung(host, slowStartMs, nowMs))) return;
    this.#rampTimer = this.#options.timers.after(rampStepMs(slowStartMs), () => {
      this.#rampTimer = undefined;
      this.refresh();
    });
  }
}
