import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4_096;
const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
const ZEROS = '0'.repeat(TRACE_DIGITS);
/** The digits that are random in every trace id (W3C Trace Context level 2, section 3.2.2.3): 56 bits. */
const RANDOM_DIGITS = 14;
const RANDOM_RANGE = 2 ** 56;

/** Ids of traces and spans: random, never all zero. `fill` is for tests. */
export class TraceIds {
  readonly #pool = Buffer.alloc(POOL_BYTES);
  readonly #fill: (pool: Buffer) => void;
  /** the pool as hexadecimal digits, of which so many are used */
  #digits = '';
  #used = 0;

  constructor(fill: (pool: Buffer) => void = randomFillSync) {
    this.#fill = fill;
  }

  /** 32 hexadecimal digits. */
  traceId(): string {
    return this.#take(TRACE_DIGITS);
  }

  /** 16 hexadecimal digits. */
  spanId(): string {
    return this.#take(SPAN_DIGITS);
  }

  #take(count: number): string {
    if (this.#used + count > this.#digits.length) {
      this.#fill(this.#pool);
      this.#digits = this.#pool.toString('hex');
      this.#used = 0;
    }
    const id = this.#digits.slice(this.#used, this.#used + count);
    this.#used += count;
    // the last digits decide whether the trace is sampled; one changed bit makes it an id
    return ZEROS.startsWith(id) ? `${id.slice(1)}1` : id;
  }
}

/** The same answer for the same trace on every proxy with the same percentage; more percent keep what fewer kept. */
export function isSampled(traceId: string, samplePercent: number): boolean {
  if (samplePercent >= 100) return true;
  const random = Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) / RANDOM_RANGE;
  return random < samplePercent / 100;
}
