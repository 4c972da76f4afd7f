import type { GatedResponse, ResponseGate } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import type { Timer, Timers } from '../transport/timers.ts';

/** What goes at once, and what may be saved up while a timer is late, as parts of a second. */
const PIECE = 0.1;
const MOST_SAVED = 0.5;
const LEAST_WAIT_MS = 10;

/** Lets the body of a response go at so many bytes per second. It holds what one read brought, and no more. */
export class PacedResponse implements ResponseGate {
  readonly #to: GatedResponse;
  readonly #timers: Timers;
  readonly #bytesPerMs: number;
  readonly #piece: number;
  readonly #mostSaved: number;
  #held: Buffer[] = [];
  #end: { readonly trailers: Fields | undefined } | undefined;
  #credit: number;
  #creditAtMs: number;
  #isBlocked = false;
  #timer: Timer | undefined;

  constructor(to: GatedResponse, bytesPerSecond: number, timers: Timers) {
    this.#to = to;
    this.#timers = timers;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#piece = Math.max(1, bytesPerSecond * PIECE);
    this.#mostSaved = Math.max(1, bytesPerSecond * MOST_SAVED);
    this.#credit = this.#piece;
    this.#creditAtMs = timers.nowMs();
  }

  body(data: Buffer): boolean {
    this.#held.push(Buffer.from(data));
    this.#send();
    return this.#held.length === 0 && !this.#isBlocked;
  }

  end(trailers: Fields | undefined): void {
    this.#end = { trailers };
    this.#settle();
  }

  drained(): void {
    this.#isBlocked = false;
    this.#send();
    this.#settle();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#held = [];
  }

  #send(): void {
    if (this.#timer !== undefined || this.#isBlocked) return;
    this.#earn();
    for (let next = this.#held[0]; next !== undefined && this.#credit >= 1; next = this.#held[0]) {
      const bytes = Math.min(next.length, Math.floor(this.#credit));
      if (bytes === next.length) this.#held.shift();
      else this.#held[0] = next.subarray(bytes);
      this.#credit -= bytes;
      if (this.#to.body(next.subarray(0, bytes))) continue;
      this.#isBlocked = true;
      return;
    }
    if (this.#held.length > 0) this.#wait();
  }

  #earn(): void {
    const nowMs = this.#timers.nowMs();
    this.#credit = Math.min(this.#mostSaved, this.#credit + (nowMs - this.#creditAtMs) * this.#bytesPerMs);
    this.#creditAtMs = nowMs;
  }

  #wait(): void {
    const wanted = Math.min(this.#piece, this.#held[0]!.length) - this.#credit;
    this.#timer = this.#timers.after(Math.max(LEAST_WAIT_MS, wanted / this.#bytesPerMs), () => {
      this.#timer = undefined;
      this.#send();
      this.#settle();
    });
  }

  /** Nothing is held any more: the end, or more. */
  #settle(): void {
    if (this.#held.length > 0) return;
    if (this.#end !== undefined) this.#to.end(this.#end.trailers);
    else if (!this.#isBlocked) this.#to.drained();
  }
}
