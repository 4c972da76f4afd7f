import { type Clock, sleep } from '../clock.ts';
import { describeError, type Log } from '../log.ts';
import type { Leadership } from '../platform.ts';
import type { LeaseRecord, LeaseStore, StoredLease } from './lease-store.ts';

export interface LeaseTimings {
  /** a lease not renewed for this long is free */
  readonly durationMs: number;
  /** a leader that could not renew for this long stops being one; less than durationMs */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}
export const LEASE_TIMINGS: LeaseTimings = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** A record with an absurd duration does not lock everybody out. */
const MAX_DURATION_MS = 60_000;

export interface LeaseElectionOptions {
  readonly store: LeaseStore;
  /** unique to this process, or to the pod: a restarted container may take up its own lease at once */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly timings?: LeaseTimings;
}

/**
 * Leader election on a Lease. Another's lease counts as expired when it did not change for its duration on our
 * own monotonic clock: clocks of machines differ. Our own leadership ends `renewDeadlineMs` after the start of
 * the last renewal that succeeded, whatever a hanging request still does; since that is shorter than the lease,
 * there are never two leaders.
 */
export class LeaseElection implements Leadership {
  readonly #options: LeaseElectionOptions;
  readonly #timings: LeaseTimings;
  readonly #listeners: ((isLeader: boolean) => void)[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isLeader = false;
  #leader: string | undefined;
  #cancelDeadline: () => void = () => {};
  /** the record seen last, and since when it says that */
  #observed: { readonly text: string; readonly sinceMs: number } | undefined;

  constructor(options: LeaseElectionOptions) {
    this.#options = options;
    this.#timings = options.timings ?? LEASE_TIMINGS;
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  get identity(): string {
    return this.#options.identity;
  }

  /** The holder as last read; one that has died stays it until somebody else takes over. */
  get leader(): string | undefined {
    return this.#leader;
  }

  onChange(listener: (isLeader: boolean) => void): void {
    this.#listeners.push(listener);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Gives the lease up, so that another takes over at its next look. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const held = this.#isLeader;
    this.#set(false, 'stopped');
    if (held) await this.#release();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    while (!this.#stop.signal.aborted) {
      await this.#tick();
      await sleep(clock, this.#timings.retryMs * (1 + random() * 0.2), this.#stop.signal);
    }
  }

  async #tick(): Promise<void> {
    const startedMs = this.#options.clock.monotonicMs();
    try {
      if (await this.#acquireOrRenew()) this.#hold(startedMs);
      else this.#set(false, 'another holds the lease');
    } catch (error) {
      // A leader remains one until its deadline: one failed renewal says nothing yet.
      this.#options.log.warn({ error: describeError(error) }, 'the lease could not be read or written');
    }
  }

  async #acquireOrRenew(): Promise<boolean> {
    const { store, identity } = this.#options;
    const stored = await store.read();
    if (stored === undefined) {
      await store.create(this.#record(undefined));
      this.#leader = identity;
      return true;
    }
    const { holder } = stored.record;
    this.#leader = holder;
    if (!this.#isFree(stored) && holder !== identity) return false;
    await store.update(stored, this.#record(stored.record));
    this.#leader = identity;
    return true;
  }

  #isFree({ record }: StoredLease): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const text = JSON.stringify(record);
    if (this.#observed?.text !== text) this.#observed = { text, sinceMs: nowMs };
    const durationMs = Math.min(record.durationMs, MAX_DURATION_MS);
    return record.holder === undefined || nowMs - this.#observed!.sinceMs >= durationMs;
  }

  #record(before: LeaseRecord | undefined): LeaseRecord {
    const { clock, identity } = this.#options;
    const nowMs = clock.unixMs();
    const mine = before?.holder === identity;
    return {
      holder: identity,
      durationMs: this.#timings.durationMs,
      acquiredUnixMs: mine ? before.acquiredUnixMs : nowMs,
      renewedUnixMs: nowMs,
      transitions: mine || before === undefined ? (before?.transitions ?? 0) : before.transitions + 1,
    };
  }

  #hold(startedMs: number): void {
    const { clock } = this.#options;
    const leftMs = startedMs + this.#timings.renewDeadlineMs - clock.monotonicMs();
    this.#cancelDeadline();
    if (leftMs <= 0) {
      this.#set(false, 'the renewal took too long');
      return;
    }
    this.#cancelDeadline = clock.after(leftMs, () => this.#set(false, 'the lease was not renewed in time'));
    this.#set(true, 'the lease is ours');
  }

  #set(isLeader: boolean, reason: string): void {
    if (!isLeader) this.#cancelDeadline();
    if (this.#isLeader === isLeader) return;
    this.#isLeader = isLeader;
    this.#options.log.info({ isLeader, reason }, 'leadership changed');
    for (const listener of this.#listeners) this.#tell(listener, isLeader);
  }

  /** A listener that throws must not keep the others from hearing that they may no longer write. */
  #tell(listener: (isLeader: boolean) => void, isLeader: boolean): void {
    try {
      listener(isLeader);
    } catch (error) {
      this.#options.log.error({ error: describeError(error) }, 'a leadership listener failed');
    }
  }

  async #release(): Promise<void> {
    const { store, identity, log } = this.#options;
    try {
      const stored = await store.read();
      if (stored?.record.holder !== identity) return;
      await store.update(stored, { ...stored.record, holder: undefined, durationMs: 1_000 });
    } catch (error) {
      log.warn({ error: describeError(error) }, 'the lease was not released; it will expire');
    }
  }
}
