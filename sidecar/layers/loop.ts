import { HEADER_PREFIX } from '../../api/names.ts';
import type { HttpLayer } from '../http1/exchange.ts';

const HEADER_HOP = `${HEADER_PREFIX}hop`;

/**
 * Outbound marks what it sends; inbound strips the mark, so an app never repeats it. A request that comes to
 * an outbound listener with the mark was sent there by a proxy: it would go round until something breaks.
 */
export function refuseLoops(): HttpLayer {
  return (next) => (exchange) => {
    if (exchange.head.fields.get(HEADER_HOP) !== undefined) return exchange.answer('loop');
    next(exchange);
  };
}

export function markHop(proxyId: () => string): HttpLayer {
  return (next) => (exchange) => {
    exchange.head.fields.add(HEADER_HOP, proxyId());
    next(exchange);
  };
}
