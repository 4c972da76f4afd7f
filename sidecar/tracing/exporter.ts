import type { SpanCounts } from '../telemetry/span-counts.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import type { CollectorClient, Delivery } from './collector-client.ts';
import { encodeSpans } from './otlp-json.ts';
import type { Attribute, Span } from './span.ts';

/** Spans that wait; about 2 MB at most. */
export const MAX_QUEUED = 2_048;
/** Encoded in one turn of the event loop: well below a millisecond. */
export const MAX_BATCH = 128;
const BATCH_DELAY_MS = 1_000;
const MAX_ATTEMPTS = 5;
const BACKOFF_BASE_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;

export interface ExporterOptions {
  readonly client: CollectorClient;
  readonly resource: readonly Attribute[];
  readonly counts: SpanCounts;
  readonly timers: Timers;
  /** in [0, 1) */
  readonly random: () => number;
}

/**
 * Brings spans to a collector, in batches, one after the other, beside the traffic: adding one is all a request
 * does. What finds no room, or no collector that takes it, is dropped and counted.
 */
export class SpanExporter {
  readonly #options: ExporterOptions;
  readonly #queue: Span[] = [];
  /** a batch is under way, or waits to be tried again */
  #isSending = false;
  #timer: Timer | undefined = undefined;
  #giveUp: (() => void) | undefined = undefined;
  #tryNow: (() => void) | undefined = undefined;
  /** told when there is nothing left; undefined: spans may still come */
  #onEmpty: (() => void) | undefined = undefined;
  #isClosed = false;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  add(span: Span): void {
    const { dropped } = this.#options.counts;
    if (this.#isClosed) dropped.unreachable += 1;
    else if (this.#queue.length >= MAX_QUEUED) dropped['queue-full'] += 1;
    else {
      this.#queue.push(span);
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#isSending) return;
    if (this.#queue.length >= MAX_BATCH || this.#onEmpty !== undefined) this.#next();
    else if (this.#queue.length > 0) {
      this.#timer ??= this.#options.timers.after(BATCH_DELAY_MS, () => this.#next());
    }
  }

  /** Resolves when all is delivered or given up, at the latest after `withinMs`; then more may come. */
  async flush(withinMs: number): Promise<void> {
    if (this.#queue.length === 0 && !this.#isSending) return;
    const empty = Promise.withResolvers<void>();
    const late = this.#options.timers.after(withinMs, empty.resolve);
    this.#onEmpty = empty.resolve;
    this.#tryNow?.();
    this.#schedule();
    await empty.promise;
    late.cancel();
    this.#onEmpty = undefined;
  }

  /** The same, and whatever is left then is dropped. */
  async close(withinMs: number): Promise<void> {
    await this.flush(withinMs);
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#drop(this.#queue.splice(0));
    this.#tryNow?.();
    this.#giveUp?.();
    this.#options.client.close();
  }

  /** The next batch, in a turn of its own. */
  #next(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const batch = this.#queue.splice(0, MAX_BATCH);
    if (batch.length === 0) return void this.#onEmpty?.();
    this.#isSending = true;
    setImmediate(() => this.#deliver(batch, encodeSpans(this.#options.resource, batch), 1));
  }

  #deliver(batch: readonly Span[], body: string, attempt: number): void {
    if (this.#isClosed) return void this.#drop(batch);
    this.#giveUp = this.#options.client.deliver(body, (delivery) => {
      this.#giveUp = undefined;
      this.#delivered(batch, body, attempt, delivery);
    });
  }

  #delivered(batch: readonly Span[], body: string, attempt: number, delivery: Delivery): void {
    const isLost = delivery.type === 'busy' || delivery.type === 'unreachable';
    if (isLost && this.#mayTryAgain(attempt)) {
      const afterMs = delivery.type === 'busy' ? delivery.afterMs : undefined;
      return void this.#tryLater(batch, body, attempt, afterMs);
    }
    if (isLost) this.#drop(batch);
    else this.#count(batch, delivery.type === 'refused' ? batch.length : delivery.rejectedSpans);
    this.#isSending = false;
    this.#schedule();
  }

  #count(batch: readonly Span[], rejectedSpans: number): void {
    const { counts } = this.#options;
    const rejected = Math.min(rejectedSpans, batch.length);
    counts.exported += batch.length - rejected;
    counts.dropped.refused += rejected;
  }

  /** Whoever waits for the end does not wait for a collector that is away. */
  #mayTryAgain(attempt: number): boolean {
    return attempt < MAX_ATTEMPTS && this.#onEmpty === undefined && !this.#isClosed;
  }

  #tryLater(batch: readonly Span[], body: string, attempt: number, afterMs: number | undefined): void {
    const { timers, random } = this.#options;
    const backoffMs = BACKOFF_BASE_MS * 2 ** (attempt - 1) * (0.5 + random() / 2);
    const tryNow = () => {
      timer.cancel();
      this.#tryNow = undefined;
      this.#deliver(batch, body, attempt + 1);
    };
    const timer = timers.after(Math.min(afterMs ?? backoffMs, BACKOFF_MAX_MS), tryNow);
    this.#tryNow = tryNow;
  }

  #drop(batch: readonly Span[]): void {
    this.#options.counts.dropped.unreachable += batch.length;
  }
}
