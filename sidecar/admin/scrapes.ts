import type { ServerResponse } from 'node:http';
import { type Log, messageOf } from '../log.ts';
import { send, text } from './answer.ts';

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const SCRAPES_MAX = 4;
/** From its request to its last byte; above the ten seconds that Prometheus waits by default. */
const SCRAPE_TIMEOUT_MS = 15_000;

interface Scrape {
  readonly response: ServerResponse;
  readonly slices: Generator<string>;
  readonly deadline: NodeJS.Timeout;
  /** its reader has not taken what was written */
  isBlocked: boolean;
}

/**
 * Answers with the metrics slice by slice. One slice is rendered in a turn of the event loop, whatever the
 * number of scrapers, so that traffic never waits for more than one.
 */
export class Scrapes {
  readonly #metrics: () => string | Iterable<string>;
  readonly #log: Log;
  /** oldest first */
  readonly #open = new Map<ServerResponse, Scrape>();
  readonly #ready: Scrape[] = [];
  #next: NodeJS.Immediate | undefined;

  constructor(metrics: () => string | Iterable<string>, log: Log) {
    this.#metrics = metrics;
    this.#log = log;
  }

  get size(): number {
    return this.#open.size;
  }

  answer(response: ServerResponse): void {
    if (response.destroyed) return;
    if (this.#open.size >= SCRAPES_MAX && !this.#dropBlocked()) {
      return void send(response, text(503, 'too many scrapes at the same time'));
    }
    const scrape: Scrape = {
      response,
      slices: pieces(response.req.method === 'HEAD' ? () => [] : this.#metrics),
      deadline: setTimeout(() => response.destroy(), SCRAPE_TIMEOUT_MS),
      isBlocked: false,
    };
    scrape.deadline.unref();
    this.#open.set(response, scrape);
    response.once('close', () => this.#forget(scrape));
    response.on('drain', () => this.#resume(scrape));
    this.#enqueue(scrape);
  }

  /** A scraper that does not read gives way to the next one, or four of them could keep everybody out. */
  #dropBlocked(): boolean {
    for (const scrape of this.#open.values()) {
      if (!scrape.isBlocked) continue;
      scrape.response.destroy();
      this.#forget(scrape);
      return true;
    }
    return false;
  }

  #enqueue(scrape: Scrape): void {
    this.#ready.push(scrape);
    this.#next ??= setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#next = undefined;
    const scrape = this.#ready.shift();
    if (scrape !== undefined && this.#open.has(scrape.response)) this.#step(scrape);
    if (this.#ready.length > 0) this.#next ??= setImmediate(() => this.#turn());
  }

  #step(scrape: Scrape): void {
    const { response } = scrape;
    const slice = this.#read(scrape);
    if (slice === undefined) return;
    if (!response.headersSent) response.writeHead(200, { 'content-type': METRICS_TYPE });
    if (slice.done) return void response.end();
    scrape.isBlocked = !response.write(slice.value);
    if (!scrape.isBlocked) this.#enqueue(scrape);
  }

  /** Undefined when it failed: half a text must not look whole, so the connection is cut. */
  #read({ response, slices }: Scrape): IteratorResult<string, unknown> | undefined {
    try {
      return slices.next();
    } catch (error) {
      this.#log.error('the metrics cannot be rendered', { reason: messageOf(error) });
      if (response.headersSent) response.destroy();
      else send(response, text(500, 'the metrics cannot be rendered'));
      return undefined;
    }
  }

  #resume(scrape: Scrape): void {
    if (!scrape.isBlocked) return;
    scrape.isBlocked = false;
    this.#enqueue(scrape);
  }

  #forget(scrape: Scrape): void {
    clearTimeout(scrape.deadline);
    if (this.#open.delete(scrape.response)) scrape.slices.return(undefined);
  }
}

/** Asks for nothing before the first piece is wanted, so that whatever fails does so in one place. */
function* pieces(metrics: () => string | Iterable<string>): Generator<string> {
  const text = metrics();
  if (typeof text === 'string') yield text;
  else yield* text;
}
