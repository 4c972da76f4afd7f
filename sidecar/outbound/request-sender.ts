import type { Context } from '../context.ts';
import type { Exchange, HttpHandler } from '../http1/exchange.ts';
import type { Learns } from './learns.ts';
import { UpstreamRequest } from './upstream-request.ts';
import type { Upstreams } from './upstreams.ts';

/** The end of a request's way out: destination, route, and there. */
export class RequestSender {
  readonly #context: Context;
  readonly #upstreams: Upstreams;

  constructor(context: Context, upstreams: Upstreams) {
    this.#context = context;
    this.#upstreams = upstreams;
  }

  /** The destination is looked up per request, so that changes hold for open connections. */
  handler(flow: Learns): HttpHandler {
    const { destinations } = this.#context.state;
    return (exchange) => {
      destinations.resolve(flow.key, (answer) => {
        // the client went away, or got an answer, while the operator was asked
        if (exchange.aborted || exchange.responseEnded) return;
        if (answer === null) return exchange.answer('no-route', 'the destination left the mesh');
        if (answer === 'unreachable') return exchange.answer('control-plane-unreachable');
        flow.upstream = this.#upstreams.get(flow.key, answer);
        this.#send(flow, exchange);
      });
    };
  }

  #send(flow: Learns, exchange: Exchange): void {
    const upstream = flow.upstream!;
    const route = upstream.route(exchange.head);
    flow.route = route;
    flow.host = undefined;
    if (route === undefined) return void exchange.answer('no-route', 'no route takes this request');
    exchange.trail.route = route.name;
    new UpstreamRequest(this.#context, flow, exchange, upstream, route).start();
  }
}
