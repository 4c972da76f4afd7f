import type { TrailRecord } from '../../api/trail-record.ts';
import type { Exchange } from '../http1/exchange.ts';
import { type Subject, TrailKind } from './trail-kind.ts';

/** What is written of the texts that a client chose; more of them is not kept. */
const ID_BYTES = 128;
const TRACE_BYTES = 32;
const PATH_BYTES = 256;
/** Written sign by sign, for which a call of the runtime would take longer. */
const SHORT = 48;

/** Numbers of a record; a cache line of them, and right behind it the texts. */
const ENDED_MS = 0;
const DURATION_MS = 1;
const CONNECTED_MS = 2;
const RESPONDED_MS = 3;
const STATUS = 4;
const DELAYED_MS = 5;
const ID_LENGTH = 6;
const TRACE_AND_PATH_LENGTH = 7;
const NUMBERS = 8;
const TEXT = NUMBERS * Float64Array.BYTES_PER_ELEMENT;
const STRIDE = 512;
const STRIDE_NUMBERS = STRIDE / Float64Array.BYTES_PER_ELEMENT;
/** of the length of a path beside that of a trace id */
const PATH_UNIT = 256;

/**
 * The last requests, each in a place that was made beforehand: memory does not grow with what clients send, and
 * recording allocates nothing for a request that is like the one before it. Little of a place is touched, because
 * what has not been touched for so many requests has to come from memory each time.
 */
export class TrailRing {
  readonly #capacity: number;
  readonly #wallMs: () => number;
  #kinds: TrailKind[] = [];
  #endpoints: string[] = [];
  #numbers = new Float64Array(0);
  #texts = Buffer.alloc(0);
  #written = 0;

  constructor(capacity: number, wallMs: () => number) {
    this.#capacity = capacity;
    this.#wallMs = wallMs;
  }

  get size(): number {
    return Math.min(this.#written, this.#capacity);
  }

  record(subject: Subject, exchange: Exchange, service: string, durationMs: number): void {
    if (this.#capacity === 0) return;
    if (this.#written === 0) this.#allocate();
    const index = this.#written % this.#capacity;
    this.#written += 1;
    const { trail, head } = exchange;
    if (subject.kind === undefined || !subject.kind.isOf(exchange, service)) {
      subject.kind = new TrailKind(subject, exchange, service);
    }
    this.#kinds[index] = subject.kind;
    this.#endpoints[index] = trail.endpoint;
    const at = index * STRIDE + TEXT;
    const idLength = this.#write(trail.requestId, at, ID_BYTES);
    const traceLength = this.#write(trail.traceId, at + idLength, TRACE_BYTES);
    const pathLength = this.#write(head.path ?? '', at + idLength + traceLength, PATH_BYTES);
    const numbers = this.#numbers;
    const first = index * STRIDE_NUMBERS;
    numbers[first + ENDED_MS] = this.#wallMs();
    numbers[first + DURATION_MS] = durationMs;
    numbers[first + CONNECTED_MS] = since(trail.connectedMs, trail.startedMs);
    numbers[first + RESPONDED_MS] = since(trail.respondedMs, trail.startedMs);
    numbers[first + STATUS] = exchange.status;
    numbers[first + DELAYED_MS] = trail.delayedMs;
    numbers[first + ID_LENGTH] = idLength;
    numbers[first + TRACE_AND_PATH_LENGTH] = pathLength * PATH_UNIT + traceLength;
  }

  /** Those that `matches` takes, the newest first. */
  *records(matches: (record: TrailRecord) => boolean = () => true): Iterable<TrailRecord> {
    for (let back = 1; back <= this.size; back += 1) {
      const record = this.#read((this.#written - back) % this.#capacity);
      if (matches(record)) yield record;
    }
  }

  #allocate(): void {
    const memory = new ArrayBuffer(this.#capacity * STRIDE);
    this.#numbers = new Float64Array(memory);
    this.#texts = Buffer.from(memory);
  }

  /** The rest of a place has room for the longest of each. */
  #write(text: string, at: number, most: number): number {
    if (text.length > SHORT) return this.#texts.write(text, at, most, 'latin1');
    const texts = this.#texts;
    const length = Math.min(text.length, most);
    for (let i = 0; i < length; i += 1) texts[at + i] = text.charCodeAt(i);
    return length;
  }

  #text(at: number, length: number): string {
    return this.#texts.toString('latin1', at, at + length);
  }

  #read(index: number): TrailRecord {
    const { hasPath, ...kind } = this.#kinds[index]!;
    const number = (which: number) => this.#numbers[index * STRIDE_NUMBERS + which]!;
    const id = index * STRIDE + TEXT;
    const trace = id + number(ID_LENGTH);
    const traceLength = number(TRACE_AND_PATH_LENGTH) % PATH_UNIT;
    const path = this.#text(trace + traceLength, (number(TRACE_AND_PATH_LENGTH) - traceLength) / PATH_UNIT);
    return {
      ...kind,
      status: number(STATUS),
      endpoint: this.#endpoints[index]!,
      delayedMs: number(DELAYED_MS),
      requestId: this.#text(id, number(ID_LENGTH)),
      traceId: this.#text(trace, traceLength),
      path: hasPath ? path : undefined,
      pathIsCut: path.length === PATH_BYTES,
      endedMs: number(ENDED_MS),
      durationMs: number(DURATION_MS),
      connectedAfterMs: number(CONNECTED_MS),
      respondedAfterMs: number(RESPONDED_MS),
    };
  }
}

/** -1: it did not come to it. */
function since(reachedMs: number, startedMs: number): number {
  return reachedMs === 0 ? -1 : reachedMs - startedMs;
}
