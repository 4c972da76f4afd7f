import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4_096;
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
/** The digits that are random in every trace id (W3C Trace Context level 2, section 3.2.2.3): 56 bits. */
const RANDOM_DIGITS = 14;
const RANDOM_RANGE = 2 ** 56;

/** Ids of traces and spans: random, never all zero. `fill` is for tests. */
export class TraceIds {
  readonly #pool = Buffer.alloc(POOL_BYTES);
  readonly #fill: (pool: Buffer) => void;
  #used = POOL_BYTES;

  constructor(fill: (pool: Buffer) => void = randomFillSync) {
    this.#fill = fill;
  }

  /** 32 hexadecimal digits. */
  traceId(): string {
    return this.#hex(TRACE_BYTES);
  }

  /** 16 hexadecimal digits. */
  spanId(): string {
    return this.#hex(SPAN_BYTES);
  }

  #hex(bytes: number): string {
    if (this.#used + bytes > POOL_BYTES) {
      this.#fill(this.#pool);
      this.#used = 0;
    }
    const end = this.#used + bytes;
    // the last digits decide whether the trace is sampled; one changed bit makes it an id
    if (this.#pool.subarray(this.#used, end).every((byte) => byte === 0)) this.#pool[end - 1] = 1;
    const id = this.#pool.toString('hex', this.#used, end);
    this.#used = end;
    return id;
  }
}

/** The same answer for the same trace on every proxy with the same percentage; more percent keep what fewer kept. */
export function isSampled(traceId: string, samplePercent: number): boolean {
  if (samplePercent >= 100) return true;
  const random = Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) / RANDOM_RANGE;
  return random < samplePercent / 100;
}
