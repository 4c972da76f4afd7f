/**
 * Bytes that arrive in pieces, copied into one contiguous view. The buffer doubles, so that one-byte pieces
 * cost linear time.
 */
export class Accumulator {
  #bytes: Buffer = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Valid until the next `append`. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  append(piece: Buffer): Buffer {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) this.#grow(length);
    piece.copy(this.#bytes, this.#length);
    this.#length = length;
    return this.view();
  }

  /** Forgets everything; views given out before stay valid. */
  clear(): void {
    this.#bytes = EMPTY;
    this.#length = 0;
  }

  /** Exact for the first piece, which is mostly the only one. */
  #grow(length: number): void {
    const bytes = Buffer.allocUnsafeSlow(this.#length === 0 ? length : Math.max(1024, length * 2));
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
  }
}

const EMPTY = Buffer.alloc(0);
