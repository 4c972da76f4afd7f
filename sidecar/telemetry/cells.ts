const ROWS_PER_BLOCK = 64;

/** Where a row of numbers is; `block[at + column]` is one of them. */
export interface Row {
  readonly block: Float64Array;
  readonly at: number;
}

/**
 * Rows of numbers, in blocks that never move: whoever counts holds block and offset for good, and a count is
 * one indexed addition. Floats, since bytes exceed 2^31 and integers stay exact until 2^53.
 */
export class Cells {
  readonly #width: number;
  #block = new Float64Array(0);
  #used = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** All zero. */
  add(): Row {
    if (this.#used + this.#width > this.#block.length) {
      this.#block = new Float64Array(this.#width * ROWS_PER_BLOCK);
      this.#used = 0;
    }
    const row = { block: this.#block, at: this.#used };
    this.#used += this.#width;
    return row;
  }
}
