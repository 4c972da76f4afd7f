const DEFAULT_LIMIT_BYTES = 65_536;
const LEAST_BLOCK_BYTES = 1_024;

/**
 * Keeps a request body so that another attempt can send it again. It copies, and must: a piece is a slice of a
 * read buffer which the transport fills anew. Pieces are packed into blocks that double in size, so that a
 * body of 65,536 pieces of one byte costs what it weighs.
 *
 * Memory goes at once when the body is too large, and on `release`, which is to be called as soon as no
 * further attempt is possible (an answer has begun, no attempts left, a method that may not be repeated).
 */
export class ReplayBuffer<Trailers = unknown> {
  readonly #limitBytes: number;
  #blocks: Buffer[] = [];
  /** bytes in the last block; those before it are full */
  #usedBytes = 0;
  #sizeBytes = 0;
  #state: 'filling' | 'complete' | 'overflowed' | 'released' = 'filling';
  #trailers: Trailers | undefined = undefined;

  constructor(limitBytes: number = DEFAULT_LIMIT_BYTES) {
    this.#limitBytes = limitBytes;
  }

  /** A body announced as too large is not even begun. */
  expect(contentLength: number): void {
    if (this.#state === 'filling' && contentLength > this.#limitBytes) this.#drop('overflowed');
  }

  /** Takes a copy, or nothing when it can be of no use any more. `bytes` may be reused afterwards. */
  add(bytes: Uint8Array): void {
    if (this.#state !== 'filling') return;
    if (bytes.length > this.#limitBytes - this.#sizeBytes) this.#drop('overflowed');
    else this.#copy(bytes);
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

  #copy(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.length; ) taken += this.#fill(bytes, taken);
  }

  #fill(bytes: Uint8Array, from: number): number {
    const block = this.#blockWithRoom(bytes.length - from);
    const count = Math.min(bytes.length - from, block.length - this.#usedBytes);
    block.set(bytes.subarray(from, from + count), this.#usedBytes);
    this.#usedBytes += count;
    this.#sizeBytes += count;
    return count;
  }

  #blockWithRoom(neededBytes: number): Buffer {
    const last = this.#blocks.at(-1);
    if (last !== undefined && this.#usedBytes < last.length) return last;
    const wanted = Math.max(neededBytes, LEAST_BLOCK_BYTES, (last?.length ?? 0) * 2);
    const block = Buffer.allocUnsafe(Math.min(wanted, this.#limitBytes - this.#sizeBytes));
    this.#blocks.push(block);
    this.#usedBytes = 0;
    return block;
  }

  #drop(state: 'filling' | 'overflowed' | 'released'): void {
    if (this.#blocks.length > 0) this.#blocks = [];
    this.#usedBytes = 0;
    this.#sizeBytes = 0;
    this.#trailers = undefined;
    this.#state = state;
  }
}
