/** Splits bytes into lines; a line is never held beyond the bound, nor are there more of them than it allows. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #maxLines: number;
  #lines = 0;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** @param maxLines between two refills */
  constructor(maxBytes: number, maxLines = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes;
    this.#maxLines = maxLines;
  }

  refill(): void {
    this.#lines = 0;
  }

  /** The lines that this chunk completed, without empty ones. Throws LineTooLongError or TooManyLinesError; nothing may follow. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#hold(chunk.subarray(start, end));
      this.#lines += 1;
      if (this.#lines > this.#maxLines) throw new TooManyLinesError(this.#maxLines);
      const line = Buffer.concat(this.#parts, this.#bytes).toString('utf8');
      this.#parts = [];
      this.#bytes = 0;
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  #hold(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) throw new LineTooLongError(this.#maxBytes);
    if (part.length > 0) this.#parts.push(part);
  }
}

export class LineTooLongError extends Error {
  constructor(maxBytes: number) {
    super(`a line is longer than ${maxBytes} bytes`);
    this.name = 'LineTooLongError';
  }
}

export class TooManyLinesError extends Error {
  constructor(maxLines: number) {
    super(`more than ${maxLines} lines at once`);
    this.name = 'TooManyLinesError';
  }
}
