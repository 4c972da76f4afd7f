/** What the data path needs of time; the wheel below in production, a fake in tests. */
export interface Timers {
  /** Monotonic, with fractions; its zero means nothing. The wall clock may jump, deadlines and durations must not. */
  nowMs(): number;
  /** The same clock, late by at most a tick; costs nothing. */
  coarseMs(): number;
  /** Never early, late by at most one tick. */
  after(delayMs: number, expire: () => void): Timer;
}
export interface Timer {
  cancel(): void;
}

const TICK_MS = 50;
/** A tick that is later than this: the process did not run. */
const HELD_UP_MS = 200;

/**
 * One coarse wheel for all deadlines of the data path: arming and cancelling are a Set insertion and removal,
 * and an idle process has no timer at all.
 */
export class TimerWheel implements Timers {
  readonly #slots: Slots = new Map();
  #interval: NodeJS.Timeout | undefined;
  #lastTick = 0;
  #coarseMs = 0;

  nowMs(): number {
    return performance.now();
  }

  coarseMs(): number {
    // the wheel stands still as long as nobody waits for anything
    return this.#interval === undefined ? performance.now() : this.#coarseMs;
  }

  after(delayMs: number, expire: () => void): Timer {
    this.#run();
    const tick = Math.max(this.#lastTick + 1, Math.ceil((performance.now() + delayMs) / TICK_MS));
    const slot = this.#slots.get(tick) ?? new Set<Deadline>();
    this.#slots.set(tick, slot);
    const deadline = new Deadline(this.#slots, tick, slot, expire);
    slot.add(deadline);
    return deadline;
  }

  #run(): void {
    if (this.#interval !== undefined) return;
    this.#coarseMs = performance.now();
    this.#lastTick = Math.floor(this.#coarseMs / TICK_MS);
    this.#interval = setInterval(() => this.#tick(), TICK_MS);
    this.#interval.unref();
  }

  /**
   * When the loop was held up, what arrived meanwhile is read first: deadlines are for peers that are late, not
   * for us. Timers run before sockets are polled, immediates after.
   */
  #tick(): void {
    const lateMs = performance.now() - this.#coarseMs - TICK_MS;
    this.#coarseMs = performance.now();
    if (lateMs > HELD_UP_MS) setImmediate(() => this.#advance());
    else this.#advance();
  }

  #advance(): void {
    if (this.#interval === undefined) return;
    this.#coarseMs = performance.now();
    const now = Math.floor(this.#coarseMs / TICK_MS);
    while (this.#lastTick < now) {
      this.#lastTick += 1;
      const slot = this.#slots.get(this.#lastTick);
      if (slot === undefined) continue;
      this.#slots.delete(this.#lastTick);
      for (const deadline of slot) deadline.expire();
    }
    if (this.#slots.size > 0) return;
    clearInterval(this.#interval);
    this.#interval = undefined;
  }
}

/** By tick. One that is empty is not kept: its tick may be far away. */
type Slots = Map<number, Set<Deadline>>;

class Deadline implements Timer {
  readonly #slots: Slots;
  readonly #tick: number;
  /** kept, because one whose tick has come is in no slot of the wheel any more, and may still be cancelled */
  readonly #slot: Set<Deadline>;
  readonly expire: () => void;
  constructor(slots: Slots, tick: number, slot: Set<Deadline>, expire: () => void) {
    this.#slots = slots;
    this.#tick = tick;
    this.#slot = slot;
    this.expire = expire;
  }
  cancel(): void {
    if (!this.#slot.delete(this) || this.#slot.size > 0) return;
    if (this.#slots.get(this.#tick) === this.#slot) this.#slots.delete(this.#tick);
  }
}

/**
 * Expires when `touch` has not been called for `timeoutMs`. A touch only notes the time: the timer is armed
 * anew when it fires too early, not on every byte. A `timeoutMs` of 0 is none.
 */
export class IdleWatch {
  readonly #timers: Timers;
  #timeoutMs: number;
  readonly #expire: () => void;
  #touchedMs: number;
  #timer: Timer | undefined;

  constructor(timers: Timers, timeoutMs: number, expire: () => void) {
    this.#timers = timers;
    this.#timeoutMs = timeoutMs;
    this.#expire = expire;
    this.#touchedMs = timers.coarseMs();
    if (timeoutMs > 0) this.#timer = timers.after(timeoutMs, () => this.#check());
  }

  /** Counts from the last touch. */
  set timeoutMs(timeoutMs: number) {
    if (timeoutMs === this.#timeoutMs) return;
    this.#timeoutMs = timeoutMs;
    this.cancel();
    if (timeoutMs > 0) this.#check();
  }

  touch(): void {
    this.#touchedMs = this.#timers.coarseMs();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #check(): void {
    const leftMs = this.#touchedMs + this.#timeoutMs - this.#timers.nowMs();
    if (leftMs <= 0) return void this.#expire();
    this.#timer = this.#timers.after(leftMs, () => this.#check());
  }
}
