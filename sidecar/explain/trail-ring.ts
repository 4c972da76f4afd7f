import type { TrailRecord } from '../../api/trail-record.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { Direction } from '../telemetry/parties.ts';

/** What is written of the texts that a client chose; more of them is not kept. */
const ID_BYTES = 128;
const TRACE_BYTES = 32;
const PATH_BYTES = 256;
const MAX_METHOD = 32;
/** V8's SlicedString::kMinLength */
const LEAST_VIEW = 13;
const STRIDE = ID_BYTES + TRACE_BYTES + PATH_BYTES;

/** Numbers of a record. */
const ENDED_MS = 0;
const DURATION_MS = 1;
const CONNECTED_MS = 2;
const RESPONDED_MS = 3;
const ID_LENGTH = 4;
const TRACE_LENGTH = 5;
const PATH_LENGTH = 6;
const NUMBERS = 7;

/** Which exchange a record is of. */
export interface Subject {
  readonly direction: Direction;
  /** SPIFFE ID or address */
  readonly caller: string;
  /** its source address; empty outbound */
  readonly callerAddress: string;
  /** what was dialled: `address:port` inbound, the key of the destination outbound */
  readonly at: string;
}

/** Texts here come from the configuration or live as long as their connection: none keeps a message alive. */
class Slot {
  direction: Direction = 'inbound';
  caller = '';
  callerAddress = '';
  at = '';
  service = '';
  method = '';
  host = '';
  status = 0;
  code = '';
  aborted = false;
  hasPath = false;
  verdict = '';
  policy = '';
  rule = '';
  auditPolicy = '';
  auditRule = '';
  limitPolicy = '';
  limit = '';
  route = '';
  routePolicy = '';
  endpoint = '';
  algorithm = '';
  knownEndpoints = 0;
  usableEndpoints = 0;
  isPanicking = false;
  failedAttempts = '';
  attempts = 0;
  encrypted = false;
  peerError = '';
  reason = '';
  delayedMs = 0;
}

/**
 * The last requests, each in a place that was made beforehand: recording allocates nothing, and memory does not
 * grow with what clients send.
 */
export class TrailRing {
  readonly #capacity: number;
  readonly #wallMs: () => number;
  #slots: readonly Slot[] = [];
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
    const slot = this.#slots[index]!;
    slot.direction = subject.direction;
    slot.caller = subject.caller;
    slot.callerAddress = subject.callerAddress;
    slot.at = subject.at;
    slot.service = service;
    slot.method = short(head.method);
    slot.host = head.host;
    slot.status = exchange.status;
    slot.code = exchange.error ?? '';
    slot.aborted = exchange.aborted;
    slot.hasPath = head.path !== undefined;
    slot.verdict = trail.verdict;
    slot.policy = trail.policy;
    slot.rule = trail.rule;
    slot.auditPolicy = trail.auditPolicy;
    slot.auditRule = trail.auditRule;
    slot.limitPolicy = trail.limitPolicy;
    slot.limit = trail.limit;
    slot.route = trail.route;
    slot.routePolicy = trail.routePolicy;
    slot.endpoint = trail.endpoint;
    slot.algorithm = trail.algorithm;
    slot.knownEndpoints = trail.knownEndpoints;
    slot.usableEndpoints = trail.usableEndpoints;
    slot.isPanicking = trail.isPanicking;
    slot.failedAttempts = trail.failedAttempts;
    slot.attempts = trail.attempts;
    slot.encrypted = trail.encrypted;
    slot.peerError = trail.peerError;
    slot.reason = trail.reason;
    slot.delayedMs = trail.delayedMs;
    const numbers = this.#numbers;
    const at = index * NUMBERS;
    const text = index * STRIDE;
    numbers[at + ENDED_MS] = this.#wallMs();
    numbers[at + DURATION_MS] = durationMs;
    numbers[at + CONNECTED_MS] = since(trail.connectedMs, trail.startedMs);
    numbers[at + RESPONDED_MS] = since(trail.respondedMs, trail.startedMs);
    numbers[at + ID_LENGTH] = this.#write(trail.requestId, text, ID_BYTES);
    numbers[at + TRACE_LENGTH] = this.#write(trail.traceId, text + ID_BYTES, TRACE_BYTES);
    numbers[at + PATH_LENGTH] = this.#write(head.path ?? '', text + ID_BYTES + TRACE_BYTES, PATH_BYTES);
  }

  /** Those that `matches` takes, the newest first. */
  *records(matches: (record: TrailRecord) => boolean = () => true): Iterable<TrailRecord> {
    for (let back = 1; back <= this.size; back += 1) {
      const record = this.#read((this.#written - back) % this.#capacity);
      if (matches(record)) yield record;
    }
  }

  #allocate(): void {
    this.#slots = Array.from({ length: this.#capacity }, () => new Slot());
    this.#numbers = new Float64Array(this.#capacity * NUMBERS);
    this.#texts = Buffer.alloc(this.#capacity * STRIDE);
  }

  #write(text: string, at: number, most: number): number {
    return text === '' ? 0 : this.#texts.write(text, at, most, 'latin1');
  }

  #text(at: number, length: number): string {
    return this.#texts.toString('latin1', at, at + length);
  }

  #read(index: number): TrailRecord {
    const { hasPath, ...slot } = this.#slots[index]!;
    const at = index * NUMBERS;
    const text = index * STRIDE;
    const number = (which: number) => this.#numbers[at + which]!;
    const path = this.#text(text + ID_BYTES + TRACE_BYTES, number(PATH_LENGTH));
    return {
      ...slot,
      requestId: this.#text(text, number(ID_LENGTH)),
      traceId: this.#text(text + ID_BYTES, number(TRACE_LENGTH)),
      path: hasPath ? path : undefined,
      pathIsCut: path.length === PATH_BYTES,
      endedMs: number(ENDED_MS),
      durationMs: number(DURATION_MS),
      connectedAfterMs: number(CONNECTED_MS),
      respondedAfterMs: number(RESPONDED_MS),
    };
  }
}

/** A view of a text keeps all of it alive; one this short is a copy anyway, as V8 makes them. */
function short(text: string): string {
  return text.length < LEAST_VIEW
    ? text
    : Buffer.from(text.slice(0, MAX_METHOD), 'latin1').toString('latin1');
}

/** -1: it did not come to it. */
function since(reachedMs: number, startedMs: number): number {
  return reachedMs === 0 ? -1 : reachedMs - startedMs;
}
