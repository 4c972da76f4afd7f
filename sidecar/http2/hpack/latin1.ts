/** What Buffer's `toString` and `write` come down to; the way through them costs as much as the work for short texts. */
interface Latin1 {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, at: number, length?: number): number;
}

export function latin1Text(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & Latin1).latin1Slice(start, end);
}

/** Returns how many bytes were written. */
export function writeLatin1(into: Buffer, text: string, at: number): number {
  return (into as Buffer & Latin1).latin1Write(text, at, text.length);
}
