import type { OutlierDetectionPolicy } from '../../api/destination-traffic.ts';
import type { ErrorCode } from '../../api/errors.ts';
import type { Host } from '../balancers/host.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import { isFailureStatus, isHostFailure, lowSuccessRates } from './outlier-verdicts.ts';

const MAX_EJECTION_MS = 300_000;
const LEAST_INTERVAL_MS = 100;

interface Settings {
  readonly consecutiveErrors: number;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly longestEjectionMs: number;
  readonly maxEjectedPercent: number;
  /** 5xx answers and timeouts count, not only failures of the host itself */
  readonly countsAnswers: boolean;
  /** 0: not judged */
  readonly stdevFactor: number;
  readonly minimumHosts: number;
}

export interface OutlierDetectionOptions {
  readonly policy: OutlierDetectionPolicy | undefined;
  /** monotonic, the clock of every `nowMs` here */
  readonly timers: Timers;
  /** after hosts were ejected or came back */
  readonly changed: () => void;
}

/**
 * Takes hosts that fail out of balancing for a while, by what their own traffic shows. An ejection lasts the
 * base times the number of ejections lately, at most 300 s; each interval in which a host is not ejected takes
 * one off that number (as Envoy does).
 *
 * It is on without a policy, and careful then: five failures in a row of the host itself (not connected, reset,
 * wrong identity, no HTTP) eject it for 10 s. What an application answers, and how long it takes, may be the
 * request's fault; ejecting hosts for it is the policy's choice. `maxEjectedPercent: 0` turns all off.
 *
 * `maxEjectedPercent` is rounded down, but one of several hosts may always be ejected (Envoy's
 * `always_eject_one_host`); a single one only at 100. When hosts go so that too many are ejected, those come
 * back whose time is nearest.
 *
 * One timer, while a host is ejected, remembered as ejected, or judged by its success rate; otherwise none.
 */
export class OutlierDetection {
  readonly #timers: Timers;
  readonly #changed: () => void;
  readonly #expire = () => this.#tick();
  #settings: Settings;
  #hosts: readonly Host[] = [];
  #members: ReadonlySet<Host> = new Set();
  #ejected = 0;
  #ejections = 0;
  #timer: Timer | undefined = undefined;
  /** when the timer is due; 0: there is none */
  #dueMs = 0;
  /** the end of the interval under way; 0: none is */
  #intervalEndMs = 0;
  #closed = false;

  constructor(options: OutlierDetectionOptions) {
    this.#timers = options.timers;
    this.#changed = options.changed;
    this.#settings = settingsOf(options.policy);
  }

  update(policy: OutlierDetectionPolicy | undefined): void {
    this.#settings = settingsOf(policy);
    this.#releaseExcess();
  }

  /** All hosts of the destination; what is known of them is theirs. */
  setHosts(hosts: readonly Host[]): void {
    this.#hosts = hosts;
    this.#members = new Set(hosts);
    this.#ejected = hosts.reduce((count, host) => count + (host.isEjected ? 1 : 0), 0);
    this.#releaseExcess();
    if (this.#ejected > 0) this.#wakeAt(this.#timers.nowMs(), this.#timers.nowMs());
  }

  get ejected(): number {
    return this.#ejected;
  }

  /** ejections ever, for metrics */
  get ejections(): number {
    return this.#ejections;
  }

  /** An attempt that was answered. */
  onAnswer(host: Host, status: number, nowMs: number): void {
    this.onResult(host, !isFailureStatus(status) || !this.#settings.countsAnswers, nowMs);
  }

  /** An attempt without an answer. What was given up by the caller, or by the mesh before it, is no result. */
  onFailure(host: Host, code: ErrorCode, nowMs: number): void {
    if (isHostFailure(code) || (code === 'timeout' && this.#settings.countsAnswers)) {
      this.onResult(host, false, nowMs);
    }
  }

  /** The hot path: no allocation unless a host is ejected or an interval begins. */
  onResult(host: Host, ok: boolean, nowMs: number): void {
    if (this.#settings.stdevFactor > 0) this.#count(host, ok, nowMs);
    if (ok) host.consecutiveErrors = 0;
    else if (++host.consecutiveErrors >= this.#settings.consecutiveErrors) {
      if (this.#eject(host, nowMs)) this.#changed();
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#dueMs = 0;
  }

  #count(host: Host, ok: boolean, nowMs: number): void {
    if (ok) host.intervalSuccesses += 1;
    else host.intervalFailures += 1;
    this.#beginInterval(nowMs);
  }

  #beginInterval(nowMs: number): void {
    if (this.#intervalEndMs !== 0) return;
    this.#intervalEndMs = nowMs + this.#settings.intervalMs;
    this.#wakeAt(this.#intervalEndMs, nowMs);
  }

  #eject(host: Host, nowMs: number): boolean {
    if (host.isEjected || this.#ejected >= this.#mostEjected() || !this.#members.has(host) || this.#closed) {
      return false;
    }
    host.ejections += 1;
    const { baseEjectionMs, longestEjectionMs } = this.#settings;
    host.ejectedUntilMs = nowMs + Math.min(baseEjectionMs * host.ejections, longestEjectionMs);
    this.#ejected += 1;
    this.#ejections += 1;
    this.#beginInterval(nowMs);
    this.#wakeAt(host.ejectedUntilMs, nowMs);
    return true;
  }

  #mostEjected(): number {
    const { maxEjectedPercent } = this.#settings;
    if (maxEjectedPercent === 0) return 0;
    const share = Math.floor((this.#hosts.length * maxEjectedPercent) / 100);
    return Math.max(share, this.#hosts.length > 1 ? 1 : 0);
  }

  #restore(host: Host): void {
    host.ejectedUntilMs = 0;
    host.consecutiveErrors = 0;
    this.#ejected -= 1;
  }

  #releaseExcess(): void {
    const excess = this.#ejected - this.#mostEjected();
    if (excess <= 0) return;
    const ejected = this.#hosts.filter((host) => host.isEjected);
    ejected.sort((one, other) => one.ejectedUntilMs - other.ejectedUntilMs);
    for (const host of ejected.slice(0, excess)) this.#restore(host);
    this.#changed();
  }

  #wakeAt(atMs: number, nowMs: number): void {
    if (this.#closed || (this.#dueMs !== 0 && this.#dueMs <= atMs)) return;
    this.#timer?.cancel();
    this.#dueMs = atMs;
    this.#timer = this.#timers.after(Math.max(0, atMs - nowMs), this.#expire);
  }

  #tick(): void {
    const nowMs = this.#timers.nowMs();
    this.#timer = undefined;
    this.#dueMs = 0;
    // the interval first: a host that comes back in the same tick was ejected all through it
    const ejectedMore = this.#intervalIsOver(nowMs) && this.#endInterval(nowMs);
    const restoredSome = this.#restoreDue(nowMs);
    if (this.#intervalEndMs !== 0) this.#wakeAt(this.#intervalEndMs, nowMs);
    if (ejectedMore || restoredSome) this.#changed();
  }

  /** Also when its end is further away than it is long: the clock was set back. */
  #intervalIsOver(nowMs: number): boolean {
    if (this.#intervalEndMs === 0) return false;
    return nowMs >= this.#intervalEndMs || this.#intervalEndMs - nowMs > this.#settings.intervalMs;
  }

  #restoreDue(nowMs: number): boolean {
    if (this.#ejected === 0) return false;
    const before = this.#ejected;
    for (const host of this.#hosts) {
      if (!host.isEjected) continue;
      const leftMs = host.ejectedUntilMs - nowMs;
      if (leftMs <= 0 || leftMs > this.#settings.longestEjectionMs) this.#restore(host);
      else this.#wakeAt(host.ejectedUntilMs, nowMs);
    }
    return this.#ejected !== before;
  }

  /** Another interval follows only if this one left something to do. */
  #endInterval(nowMs: number): boolean {
    this.#intervalEndMs = 0;
    const before = this.#ejected;
    this.#judgeSuccessRates(nowMs);
    let remembered = false;
    for (const host of this.#hosts) {
      host.intervalSuccesses = 0;
      host.intervalFailures = 0;
      if (host.ejections > 0 && !host.isEjected) host.ejections -= 1;
      if (host.ejections > 0) remembered = true;
    }
    if (remembered) this.#beginInterval(nowMs);
    return this.#ejected !== before;
  }

  #judgeSuccessRates(nowMs: number): void {
    const { stdevFactor, minimumHosts } = this.#settings;
    if (stdevFactor === 0) return;
    for (const host of lowSuccessRates(this.#hosts, minimumHosts, stdevFactor)) this.#eject(host, nowMs);
  }
}

function settingsOf(policy: OutlierDetectionPolicy | undefined): Settings {
  const { successRate } = policy ?? {};
  const baseEjectionMs = policy === undefined ? 10_000 : Math.max(policy.baseEjectionMs ?? 30_000, 1);
  return {
    consecutiveErrors: policy?.consecutiveErrors ?? 5,
    intervalMs: Math.max(policy?.intervalMs ?? 10_000, LEAST_INTERVAL_MS),
    baseEjectionMs,
    longestEjectionMs: Math.max(MAX_EJECTION_MS, baseEjectionMs),
    maxEjectedPercent: policy?.maxEjectedPercent ?? 50,
    countsAnswers: policy !== undefined,
    stdevFactor: (successRate?.stdevFactorThousandths ?? 0) / 1000,
    minimumHosts: successRate?.minimumHosts ?? 5,
  };
}
