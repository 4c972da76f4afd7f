import type { HttpLayer } from '../http1/exchange.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { Observation } from './telemetry.ts';

/** Continues or begins the trace of each request while tracing is on. */
export function trace(tracing: Tracing, observation: Observation): HttpLayer {
  return (next) => (exchange) => {
    tracing.tracer?.begin(exchange, observation);
    next(exchange);
  };
}
