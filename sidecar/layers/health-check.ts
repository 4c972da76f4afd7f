import type { HealthCheckPolicy } from '../../api/destination-traffic.ts';
import type { Host } from '../balancers/host.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import { HostHealth } from './host-health.ts';

const DEFAULT_INTERVAL_MS = 5_000;
const DEFAULT_TIMEOUT_MS = 1_000;
/** A policy cannot make a flood of its checks. */
const LEAST_INTERVAL_MS = 100;
/** No wake-ups closer than this; several hosts are probed in one then. */
const LEAST_TICK_MS = 50;
const DEFAULT_CONCURRENCY = 64;

/**
 * Asks one host once. Calls `done` exactly once, within `timeoutMs`, unless cancelled; returns the cancel. The
 * reason is for logs: what was answered, or why nothing.
 */
export type Probe = (
  host: Host,
  policy: HealthCheckPolicy,
  timeoutMs: number,
  done: (ok: boolean, reason: string) => void,
) => () => void;

export interface HealthChecksOptions {
  readonly policy: HealthCheckPolicy | undefined;
  readonly timers: Timers;
  /** in [0, 1); sidecars that start together do not ask together */
  readonly random: () => number;
  readonly probe: Probe;
  /** after the answer of a host, for which see Probe, has changed its `healthy` */
  readonly judged?: (host: Host, reason: string) => void;
  /** after `healthy` of one or more hosts has changed */
  readonly changed: () => void;
  /** probes of this destination at the same time */
  readonly concurrency?: number;
}

/**
 * Active health checks of all hosts of one destination. A host is healthy until `unhealthyAfter` probes in a
 * row say otherwise, and then until `healthyAfter` in a row succeed; without a policy all are healthy and
 * nothing runs.
 *
 * One timer walks around the hosts and is back at the same one after an interval, so probes are spread over it
 * however many hosts there are, and where the walk starts is random. When more probes are slow than may run at
 * once, a round takes longer; the debt is at most one round.
 */
export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly #concurrency: number;
  readonly #expire = () => this.#tick();
  #policy: HealthCheckPolicy | undefined;
  #checks: HostHealth[] = [];
  /** the next to be probed */
  #cursor = 0;
  /** probes due, with the fraction of the next one */
  #owed = 0;
  #creditedMs = 0;
  #running = 0;
  #pumping = false;
  #timer: Timer | undefined = undefined;

  constructor(options: HealthChecksOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
    this.#policy = options.policy;
  }

  /** Another policy starts from what is known; none makes all hosts healthy. */
  update(policy: HealthCheckPolicy | undefined): void {
    this.#policy = policy;
    this.#stop();
    if (policy === undefined) this.#believeAll();
    else this.#start();
  }

  /** Those that stay keep their verdict and their place; new ones are probed within an interval. */
  setHosts(hosts: readonly Host[]): void {
    this.#credit();
    const wanted = new Set(hosts);
    const kept = this.#checks.filter((check) => wanted.has(check.host));
    for (const check of this.#checks) if (!wanted.has(check.host)) this.#cancel(check);
    for (const check of kept) wanted.delete(check.host);
    this.#checks = [...kept, ...Array.from(wanted, (host) => new HostHealth(host))];
    if (this.#timer === undefined) this.#start();
    else if (this.#checks.length === 0) this.#stop();
    else this.#tick();
  }

  /** probes under way */
  get running(): number {
    return this.#running;
  }

  close(): void {
    this.#policy = undefined;
    this.#stop();
  }

  #start(): void {
    if (this.#policy === undefined || this.#checks.length === 0) return;
    const random = this.#options.random();
    this.#cursor = Math.floor(random * this.#checks.length);
    this.#owed = random * this.#checks.length - this.#cursor;
    this.#creditedMs = this.#options.timers.nowMs();
    this.#arm();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const check of this.#checks) this.#cancel(check);
  }

  #arm(): void {
    this.#timer?.cancel();
    const untilNextMs = ((1 - (this.#owed % 1)) * this.#intervalMs()) / this.#checks.length;
    this.#timer = this.#options.timers.after(Math.max(LEAST_TICK_MS, untilNextMs), this.#expire);
  }

  #tick(): void {
    this.#credit();
    this.#arm();
    this.#pump();
  }

  /** Whatever the clock does, at most one round comes due. */
  #credit(): void {
    const nowMs = this.#options.timers.nowMs();
    const elapsedMs = Math.max(0, nowMs - this.#creditedMs);
    const hosts = this.#checks.length;
    this.#creditedMs = nowMs;
    this.#owed = Math.min(this.#owed + (elapsedMs * hosts) / this.#intervalMs(), hosts);
  }

  /** Probes what is due, as far as others have come to an end. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#owed >= 1 && this.#running < this.#concurrency && this.#timer !== undefined) {
      this.#owed -= 1;
      this.#cursor = (this.#cursor + 1) % this.#checks.length;
      this.#probe(this.#checks[this.#cursor]!);
    }
    this.#pumping = false;
  }

  /** One that is still being probed is left out this time. */
  #probe(check: HostHealth): void {
    const policy = this.#policy;
    if (policy === undefined || check.isRunning) return;
    this.#running += 1;
    const turn = check.begin();
    const cancel = this.#options.probe(check.host, policy, timeoutOf(policy), (ok, reason) => {
      if (!check.isAt(turn)) return;
      check.end();
      this.#running -= 1;
      if (check.judge(ok, policy)) this.#judged(check.host, reason);
      this.#pump();
    });
    if (check.isAt(turn)) check.cancel = cancel;
  }

  #judged(host: Host, reason: string): void {
    this.#options.judged?.(host, reason);
    this.#options.changed();
  }

  #cancel(check: HostHealth): void {
    if (!check.isRunning) return;
    const { cancel } = check;
    check.end();
    this.#running -= 1;
    cancel();
  }

  #believeAll(): void {
    let changed = false;
    for (const check of this.#checks) changed = check.believe() || changed;
    if (changed) this.#options.changed();
  }

  #intervalMs(): number {
    return Math.max(this.#policy?.intervalMs ?? DEFAULT_INTERVAL_MS, LEAST_INTERVAL_MS);
  }
}

/** A probe without end would keep its place for good: 0 means the default here. */
function timeoutOf(policy: HealthCheckPolicy): number {
  return policy.timeoutMs || DEFAULT_TIMEOUT_MS;
}
