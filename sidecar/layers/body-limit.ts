import type { Exchange, HttpLayer, RequestTee } from '../http1/exchange.ts';

/**
 * Requests whose body is larger get 413: at once when they say so, however much of it is sent (RFC 9110 10.1.1
 * lets an answer stand in for 100 Continue); else when it turns out, and the app's connection is cut, so that what
 * the app has does not look complete.
 */
export function limitBody(maxBodyBytes: number): HttpLayer {
  const reason = `more than ${maxBodyBytes} bytes`;
  return (next) => (exchange) => {
    const { framing } = exchange.head;
    if (framing.type === 'length' && framing.length > maxBodyBytes) {
      return exchange.answer('body-too-large', reason);
    }
    if (framing.type === 'chunked') exchange.tee(new BodyCount(exchange, maxBodyBytes, reason));
    next(exchange);
  };
}

class BodyCount implements RequestTee {
  readonly #exchange: Exchange;
  readonly #reason: string;
  #leftBytes: number;

  constructor(exchange: Exchange, maxBodyBytes: number, reason: string) {
    this.#exchange = exchange;
    this.#leftBytes = maxBodyBytes;
    this.#reason = reason;
  }

  /** Before the app gets the piece: an answer takes the app's side away. */
  onRequestBody(data: Buffer): void {
    this.#leftBytes -= data.length;
    if (this.#leftBytes < 0) this.#exchange.answer('body-too-large', this.#reason);
  }
  onRequestEnd(): void {}
  onRequestAborted(): void {}
}
