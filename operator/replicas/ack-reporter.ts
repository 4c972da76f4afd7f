import { type BackoffLimits, backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ReportConnection } from './report-connection.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}
export interface AckReporterOptions {
  /** where the leader is; undefined: not known, or this replica leads */
  readonly target: () => Target | undefined;
  readonly dial: (target: Target, onClose: (reason: string) => void) => ReportConnection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** How late a change of leader may be noticed. */
const CHECK_MS = 500;
const BACKOFF: BackoffLimits = { baseMs: 500, maxMs: 5_000 };
/** A connection is made anew, so that it never outlives the certificate it began with. */
const MAX_AGE_MS = 30 * 60 * 1000;

/** Keeps one report going from a follower to whoever leads. */
export class AckReporter {
  readonly #options: AckReporterOptions;
  #connection:
    | { readonly target: Target; readonly sinceMs: number; readonly link: ReportConnection }
    | undefined;
  #failures = 0;
  #notBeforeMs = 0;
  #cancel: () => void = () => {};

  constructor(options: AckReporterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#check();
    this.#cancel = this.#options.clock.after(CHECK_MS, () => this.start());
  }
  stop(): void {
    this.#cancel();
    this.#connection?.link.close('stopped');
  }

  changed(workload: string, destination: string | undefined): void {
    this.#connection?.link.changed(workload, destination);
  }

  rootsChanged(): void {
    this.#connection?.link.rootsChanged();
  }

  #check(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const target = this.#options.target();
    const present = this.#connection;
    if (present !== undefined) {
      const same = target?.host === present.target.host && target.port === present.target.port;
      const old = nowMs - present.sinceMs >= MAX_AGE_MS;
      if (same && !old) return;
      this.#failures = 0;
      present.link.close('another leads, or the connection is old');
      this.#notBeforeMs = nowMs;
    }
    if (target !== undefined && nowMs >= this.#notBeforeMs) this.#dial(target, nowMs);
  }

  #dial(target: Target, nowMs: number): void {
    const { dial, log } = this.#options;
    const link = dial(target, (reason) => {
      if (this.#connection?.link === link) this.#closed(reason);
    });
    this.#connection = { target, sinceMs: nowMs, link };
    log.info({ leader: target.host }, 'reporting to the leader');
  }

  #closed(reason: string): void {
    const { clock, random, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const livedMs = nowMs - this.#connection!.sinceMs;
    this.#connection = undefined;
    this.#failures = livedMs > BACKOFF.maxMs ? 1 : this.#failures + 1;
    this.#notBeforeMs = nowMs + backoffMs(this.#failures, BACKOFF, random);
    log.info({ reason }, 'the report to the leader ended');
  }
}
