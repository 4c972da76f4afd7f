/**
 * Bytes that arrive in pieces, as one contiguous view. The first piece is kept as it is; only further ones
 * are copied, into a buffer that doubles, so that one-byte pieces cost linear time.
 */
export class Accumulator {
  #bytes: Buffer = EMPTY;
  #length = 0;
  #owned = false;

  get length(): number {
    return this.#length;
  }

  /** Valid until the next `append`. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  append(piece: Buffer): Buffer {
    if (this.#length === 0) {
      this.#bytes = piece;
      this.#owned = false;
      this.#length = piece.length;
      return piece;
    }
    const length = this.#length + piece.length;
    if (!this.#owned || length > this.#bytes.length) this.#grow(length);
    piece.copy(this.#bytes, this.#length);
    this.#length = length;
    return this.view();
  }

  /** Forgets everything; views given out before stay valid. */
  clear(): void {
    this.#bytes = EMPTY;
    this.#length = 0;
    this.#owned = false;
  }

  #grow(length: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(1024, length * 2));
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
    this.#owned = true;
  }
}

const EMPTY = Buffer.alloc(0);
