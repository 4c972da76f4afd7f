const LEAST_BLOCK_BYTES = 1_024;
const MOST_BLOCK_BYTES = 16_384;

/**
 * What a stream holds, in its order: pieces of a body, and what has its place between them. Pieces are packed into
 * blocks, so that a body that comes in frames of one byte costs what it weighs.
 */
export class HeldItems {
  #items: object[] = [];
  /** of the first that was not taken */
  #at = 0;
  /** the last, if it is of a body and may get more */
  #block: Buffer | undefined;
  #usedBytes = 0;

  get isEmpty(): boolean {
    return this.#at === this.#items.length;
  }

  push(item: object): void {
    this.#closeBlock();
    this.#items.push(item);
  }

  /** Copies the piece. */
  pushBytes(piece: Buffer): void {
    for (let at = this.#fill(piece, 0); at < piece.length; ) {
      this.#addBlock(piece.length - at);
      at += this.#fill(piece, at);
    }
  }

  /** The next: a Buffer, or what was pushed; undefined: that was all. */
  take(): object | undefined {
    if (this.isEmpty) return undefined;
    if (this.#at === this.#items.length - 1) this.#closeBlock();
    return this.#items[this.#at++];
  }

  clear(): void {
    if (this.#items.length > 0) this.#items = [];
    this.#at = 0;
    this.#block = undefined;
  }

  #fill(piece: Buffer, from: number): number {
    if (this.#block === undefined) return 0;
    const count = piece.copy(this.#block, this.#usedBytes, from);
    this.#usedBytes += count;
    return count;
  }

  /** The first is as large as its piece, which is mostly all that is held. */
  #addBlock(neededBytes: number): void {
    const before = this.#block?.length;
    const grownBytes = before === undefined ? 0 : Math.max(LEAST_BLOCK_BYTES, before * 2);
    this.#block = Buffer.allocUnsafe(Math.max(neededBytes, Math.min(grownBytes, MOST_BLOCK_BYTES)));
    this.#usedBytes = 0;
    this.#items.push(this.#block);
  }

  /** Nothing more is added to it. */
  #closeBlock(): void {
    if (this.#block === undefined) return;
    if (this.#usedBytes < this.#block.length)
      this.#items[this.#items.length - 1] = this.#block.subarray(0, this.#usedBytes);
    this.#block = undefined;
  }
}
