/** Newline-delimited text from chunks of bytes, with a cap on the line, so that memory is bounded. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number, onLine: (line: string) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
  }

  /** Throws LineTooLong when a line exceeds the cap; nothing may be pushed after that. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#hold(chunk.subarray(start, end));
      this.#flush();
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  /** For bodies whose last line may lack its newline. */
  end(): void {
    if (this.#bytes > 0) this.#flush();
  }

  #hold(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) throw new LineTooLong(this.#maxBytes);
    if (part.length > 0) this.#parts.push(part);
  }

  #flush(): void {
    const line = Buffer.concat(this.#parts, this.#bytes).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    if (line.length > 0) this.#onLine(line);
  }
}

export class LineTooLong extends Error {
  constructor(maxBytes: number) {
    super(`a line is longer than ${maxBytes} bytes`);
    this.name = 'LineTooLong';
  }
}

/**
 * JSON.parse whose error does not quote the text: lines of the stream and files of the mount may hold keys.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError(`not valid JSON (${text.length} characters)`);
  }
}
