import type { HeldBudget } from '../held-budget.ts';
import type { FrameOutput } from './frames/output.ts';
import { INITIAL_WINDOW_BYTES } from './settings.ts';

/** What was taken is told of in such parts of the window. */
const GIVE_BACK_PART = 16;
/** A window of which less than this part is left may be used up by streams that are not read. */
const LEND_BELOW_PART = 4;

/**
 * What all streams of a connection together may receive ahead of their taking (RFC 9113 6.9). Streams that are not read
 * would use it up for the others: where there is a budget, the peer is lent as much as they hold.
 */
export class ReceiveWindow {
  readonly #sizeBytes: number;
  readonly #output: FrameOutput;
  readonly #lending: HeldBudget | undefined;
  #leftBytes: number;
  #takenBytes = 0;
  #lentBytes = 0;
  #isOver = false;

  constructor(sizeBytes: number, output: FrameOutput, lending: HeldBudget | undefined) {
    this.#sizeBytes = this.#leftBytes = Math.max(sizeBytes, INITIAL_WINDOW_BYTES);
    this.#output = output;
    this.#lending = lending;
  }

  /** What the peer is told of at first: so much more than it takes for granted. */
  get moreBytes(): number {
    return this.#sizeBytes - INITIAL_WINDOW_BYTES;
  }

  /** False: the peer sent more than it may. */
  take(bytes: number): boolean {
    this.#leftBytes -= bytes;
    if (this.#leftBytes < 0) return false;
    this.#lendIfLow();
    return true;
  }

  /** What came was taken by somebody, or is of no interest. */
  giveBack(bytes: number): void {
    if (this.#isOver) return;
    const repaidBytes = Math.min(bytes, this.#lentBytes);
    if (repaidBytes > 0) this.#repay(repaidBytes);
    this.#takenBytes += bytes - repaidBytes;
    if (this.#takenBytes * GIVE_BACK_PART < this.#sizeBytes) return void this.#lendIfLow();
    this.#widen(this.#takenBytes);
    this.#takenBytes = 0;
  }

  /** The connection is over. */
  close(): void {
    this.#isOver = true;
    this.#repay(this.#lentBytes);
  }

  /** All that is held and was not lent for yet: at least a quarter of the window. */
  #lendIfLow(): void {
    if (this.#leftBytes * LEND_BELOW_PART >= this.#sizeBytes) return;
    const bytes = this.#sizeBytes - this.#leftBytes - this.#takenBytes;
    if (!this.#lending?.tryTake(bytes)) return;
    this.#lentBytes += bytes;
    this.#widen(bytes);
  }

  #repay(bytes: number): void {
    this.#lentBytes -= bytes;
    this.#lending?.giveBack(bytes);
  }

  #widen(bytes: number): void {
    this.#leftBytes += bytes;
    this.#output.windowUpdate(0, bytes);
  }
}
