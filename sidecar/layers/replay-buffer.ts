import { HeldBudget } from '../held-budget.ts';

const DEFAULT_LIMIT_BYTES = 65_536;
/** Of all requests together: a caller can begin many, and end none. */
export const REPLAY_BYTES = 16 * 1024 * 1024;
export const REPLAY_BUDGET = new HeldBudget(REPLAY_BYTES);
const LEAST_BLOCK_BYTES = 1_024;

/**
 * Keeps a request body so that another attempt can send it again. It copies, and must: a piece is a slice of a
 * read buffer which the transport fills anew. Pieces are packed into blocks that double in size, so that a
 * body of 65,536 pieces of one byte costs what it weighs.
 *
 * Memory goes at once when the body is too large or there is too much of all requests together, and on `release`,
 * which is to be called as soon as no further attempt is possible (an answer has begun, no attempts left, a method that
 * may not be repeated), and when its request is over.
 */
export class ReplayBuffer<Trailers = unknown> {
  readonly #limitBytes: number;
  readonly #budget: HeldBudget;
  #blocks: Buffer[] = [];
  /** bytes in the last block; those before it are full */
  #usedBytes = 0;
  #sizeBytes = 0;
  #state: 'filling' | 'complete' | 'overflowed' | 'released' = 'filling';
  #trailers: Trailers | undefined = undefined;

  constructor(limitBytes: number = DEFAULT_LIMIT_BYTES, budget: HeldBudget = REPLAY_BUDGET) {
    this.#limitBytes = limitBytes;
    this.#budget = budget;
  }

  /** A body announced as too large is not even begun. */
  expect(contentLength: number): void {
    if (this.#state === 'filling' && contentLength > this.#limitBytes) this.#drop('overflowed');
  }

  /** Takes a copy, or nothing when it can be of no use any more. `bytes` may be reused afterwards. */
  add(bytes: Uint8Array): void {
    if (this.#state !== 'filling') return;
    if (bytes.length > this.#limitBytes - this.#sizeBytes) this.#drop('overflowed');
    else if (!this.#copy(bytes)) this.#drop('overflowed');
  }

  /** The body has ended; `trailers` are kept as they are, their size is bounded where they are read. */
  end(trailers: Trailers | undefined): void {
    if (this.#state !== 'filling') return;
    this.#trailers = trailers;
    this.#state = 'complete';
  }

  /** The whole body is here: the request can be sent again. */
  get isComplete(): boolean {
    return this.#state === 'complete';
  }

  get overflowed(): boolean {
    return this.#state === 'overflowed';
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Bytes of memory held. */
  get heldBytes(): number {
    return this.#blocks.reduce((sum, block) => sum + block.length, 0);
  }

  get trailers(): Trailers | undefined {
    return this.#trailers;
  }

  /** In order; views of the memory kept here, to be read only and not after `release` or `reset`. */
  get pieces(): readonly Buffer[] {
    const last = this.#blocks.length - 1;
    return this.#blocks.map((block, index) => (index === last ? block.subarray(0, this.#usedBytes) : block));
  }

  /** No further attempt will be made. */
  release(): void {
    if (this.#state !== 'overflowed') this.#drop('released');
  }

  /** As new, for the next request. */
  reset(): void {
    this.#drop('filling');
  }

  /** False: there is no memory for all of it. */
  #copy(bytes: Uint8Array): boolean {
    for (let taken = 0; taken < bytes.length; ) {
      const filled = this.#fill(bytes, taken);
      if (filled === 0) return false;
      taken += filled;
    }
    return true;
  }

  #fill(bytes: Uint8Array, from: number): number {
    const block = this.#blockWithRoom(bytes.length - from);
    if (block === undefined) return 0;
    const count = Math.min(bytes.length - from, block.length - this.#usedBytes);
    block.set(bytes.subarray(from, from + count), this.#usedBytes);
    this.#usedBytes += count;
    this.#sizeBytes += count;
    return count;
  }

  #blockWithRoom(neededBytes: number): Buffer | undefined {
    const last = this.#blocks.at(-1);
    if (last !== undefined && this.#usedBytes < last.length) return last;
    const wanted = Math.max(neededBytes, LEAST_BLOCK_BYTES, (last?.length ?? 0) * 2);
    const sizeBytes = Math.min(wanted, this.#limitBytes - this.#sizeBytes);
    if (!this.#budget.tryTake(sizeBytes)) return undefined;
    const block = Buffer.allocUnsafe(sizeBytes);
    this.#blocks.push(block);
    this.#usedBytes = 0;
    return block;
  }

  #drop(state: 'filling' | 'overflowed' | 'released'): void {
    if (this.#blocks.length > 0) {
      this.#budget.giveBack(this.heldBytes);
      this.#blocks = [];
    }
    this.#usedBytes = 0;
    this.#sizeBytes = 0;
    this.#trailers = undefined;
    this.#state = state;
  }
}
