import { TooLargeError } from './api-error.ts';

/** The stream ended in the middle of a line. */
export class TruncatedError extends Error {
  readonly code = 'ERR_TRUNCATED_LINE';
  constructor() {
    super('the stream ended in the middle of a line');
    this.name = 'TruncatedError';
  }
}

/**
 * Splits a stream at newlines and yields the lines each chunk completed, together. Throws TooLargeError for a
 * line beyond the bound and TruncatedError when the stream ends inside a line.
 */
export async function* readLines(
  stream: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<readonly string[]> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of stream) {
    const last = chunk.lastIndexOf(0x0a);
    if (last >= 0) {
      const complete = Buffer.concat([...pending, chunk.subarray(0, last)]);
      pending = [];
      pendingBytes = 0;
      yield splitLines(complete, maxLineBytes);
    }
    const rest = chunk.subarray(last + 1);
    pendingBytes += rest.length;
    if (pendingBytes > maxLineBytes) throw new TooLargeError(maxLineBytes);
    if (rest.length > 0) pending.push(rest);
  }
  if (pendingBytes > 0) throw new TruncatedError();
}

function splitLines(bytes: Buffer, maxLineBytes: number): string[] {
  const lines = bytes.toString('utf8').split('\n');
  if (lines.some((line) => line.length > maxLineBytes)) throw new TooLargeError(maxLineBytes);
  return lines.filter((line) => line.trim() !== '');
}
