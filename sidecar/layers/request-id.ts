import { HEADER_REQUEST_ID } from '../../api/names.ts';
import { isAll, TARGET } from '../http1/characters.ts';
import type { HttpLayer } from '../http1/exchange.ts';

const MAX_LENGTH = 128;

/** Names for requests, unique to this process: a random beginning, then a number. */
export class RequestIds {
  readonly #prefix: string;
  #count = 0;

  /** `random` in [0, 1) */
  constructor(random: () => number) {
    const part = () => Math.floor(random() * 0x1_0000_0000).toString(36);
    this.#prefix = `${part()}${part()}-`;
  }

  next(): string {
    this.#count += 1;
    return this.#prefix + this.#count.toString(36);
  }
}

/** Every request has an id, by which both sidecars can be asked about it: the one it came with, or a new one. */
export function identifyRequest(ids: RequestIds): HttpLayer {
  return (next) => (exchange) => {
    const { fields } = exchange.head;
    const given = fields.get(HEADER_REQUEST_ID);
    if (given !== undefined && isUsable(given) && !fields.isRepeated(HEADER_REQUEST_ID)) {
      exchange.trail.requestId = given;
    } else {
      // of two nobody knows which one the next reads
      if (given !== undefined) fields.remove(HEADER_REQUEST_ID);
      exchange.trail.requestId = ids.next();
      fields.add(HEADER_REQUEST_ID, exchange.trail.requestId);
    }
    next(exchange);
  };
}

/** The same without a word to where it goes: what is outside the mesh is told nothing that the app did not say. */
export function nameRequest(ids: RequestIds): HttpLayer {
  return (next) => (exchange) => {
    const { fields } = exchange.head;
    const given = fields.get(HEADER_REQUEST_ID);
    const isOwn = given !== undefined && isUsable(given) && !fields.isRepeated(HEADER_REQUEST_ID);
    exchange.trail.requestId = isOwn ? given : ids.next();
    next(exchange);
  };
}

function isUsable(id: string): boolean {
  return id.length > 0 && id.length <= MAX_LENGTH && isAll(TARGET, id);
}
