import type { Destination, Endpoint } from '../../api/destination.ts';
import type { Context } from '../context.ts';
import type { Exchange, HttpHandler } from '../http1/exchange.ts';
import { forward, mayRepeat } from '../http1/forward.ts';
import type { Acquired } from '../http1/pool.ts';
import { connectWithRetry } from '../layers/retry-connect.ts';
import type { Destinations, KnownDestination } from './destinations.ts';
import { type EndpointConnector, nameOf } from './endpoint-connector.ts';

/** What the connection a request came on learns of where its requests go, for telemetry. */
export interface Learns {
  readonly key: string;
  destination: Destination | undefined;
  endpoint: Endpoint | undefined;
}

type AcquiredConnection = Extract<Acquired, { readonly ok: true }>;

/** The end of a request's way out: route, balance, connect, forward. */
export class RequestSender {
  readonly #context: Context;
  readonly #destinations: Destinations;
  readonly #connector: EndpointConnector;

  constructor(context: Context, destinations: Destinations, connector: EndpointConnector) {
    this.#context = context;
    this.#destinations = destinations;
    this.#connector = connector;
  }

  /** The destination is looked up per request, so that changes hold for open connections. */
  handler(flow: Learns): HttpHandler {
    return (exchange) => {
      this.#context.state.destinations.resolve(flow.key, (answer) => {
        if (isOver(exchange)) return;
        if (answer === null) return exchange.answer('no-route', 'the destination left the mesh');
        if (answer === 'unreachable') return exchange.answer('control-plane-unreachable');
        flow.destination = answer;
        this.#connect(flow, exchange, this.#destinations.get(flow.key, answer));
      });
    };
  }

  #connect(flow: Learns, exchange: Exchange, { destination, balancer }: KnownDestination): void {
    const { limits, telemetry } = this.#context;
    const cancel = connectWithRetry<Endpoint, AcquiredConnection>(
      {
        balancer,
        maxAttempts: limits.maxConnectAttempts,
        trail: exchange.trail,
        nameOf,
        connect: (endpoint, done) => this.#connector.pool(endpoint).acquire(false, done),
        onRetry: () => telemetry.retry('outbound', destination.name, 'connect'),
      },
      (result) => {
        if (isOver(exchange)) return result.ok ? result.connection.release() : undefined;
        if (!result.ok) return exchange.answer(result.code, result.reason);
        this.#forward(flow, exchange, result.endpoint, result);
      },
    );
    exchange.onFinish(cancel);
  }

  #forward(flow: Learns, exchange: Exchange, endpoint: Endpoint, acquired: AcquiredConnection): void {
    const { limits, timers } = this.#context;
    flow.endpoint = endpoint;
    exchange.trail.encrypted = endpoint.spiffeId !== undefined;
    exchange.trail.connectedMs = timers.nowMs();
    forward(exchange, acquired.connection, {
      fallbackHost: nameOf(endpoint),
      timers,
      limits,
      retry: acquired.reused && mayRepeat(exchange) ? () => this.#again(flow, exchange, endpoint) : undefined,
      // what another sidecar says in the mesh's name is true, what an app outside says is not
      trustMeshFields: endpoint.spiffeId !== undefined,
    });
  }

  /** Once more, on a fresh connection: the idle one had been closed under the request. */
  #again(flow: Learns, exchange: Exchange, endpoint: Endpoint): void {
    this.#context.telemetry.retry('outbound', flow.destination?.name ?? '', 'reset');
    exchange.trail.attempts += 1;
    const cancel = this.#connector.pool(endpoint).acquire(true, (result) => {
      if (isOver(exchange)) return result.ok ? result.connection.release() : undefined;
      if (!result.ok) return exchange.answer(result.code, result.reason);
      this.#forward(flow, exchange, endpoint, result);
    });
    exchange.onFinish(cancel);
  }
}

/** The client went away, or got an answer, while something was waited for. */
function isOver(exchange: Exchange): boolean {
  return exchange.aborted || exchange.responseEnded;
}
