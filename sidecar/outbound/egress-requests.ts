import type { Context } from '../context.ts';
import { type HttpServer, type HttpVersion, httpServer } from '../http-server.ts';
import { compose, type Exchange } from '../http1/exchange.ts';
import { EGRESS_RULE, type EgressRules } from '../layers/egress.ts';
import { nameOf, portOf } from '../layers/egress-name.ts';
import { stripFromApp } from '../layers/identity.ts';
import { refuseLoops } from '../layers/loop.ts';
import { nameRequest } from '../layers/request-id.ts';
import { type Observation, observe, observeRefused } from '../layers/telemetry.ts';
import type { Protocol, RequestMeter } from '../telemetry/request-meters.ts';
import { hostPort } from '../transport/socket-address.ts';
import type { EgressFlow } from './egress.ts';
import { EgressPools } from './egress-pools.ts';
import { EgressRequest } from './egress-request.ts';

/** A host, as it was named, and its port. */
export interface Target {
  readonly name: string;
  readonly port: number;
}

export interface EgressJudge {
  /** in force now */
  rules(): EgressRules;
  count(verdict: 'allowed' | 'denied'): void;
}

/**
 * Requests of one connection of the app to outside the mesh, each judged by the host it names. The connections they
 * are sent on are this connection's own: what is outside may tie a login to its connection (NTLM does).
 */
export class EgressRequests {
  readonly #context: Context;
  readonly #flow: EgressFlow;
  readonly #judge: EgressJudge;
  readonly #name: string;
  readonly #connection: HttpServer;
  readonly #pools: EgressPools;

  constructor(context: Context, flow: EgressFlow, version: HttpVersion, judge: EgressJudge) {
    this.#context = context;
    this.#flow = flow;
    this.#judge = judge;
    this.#name = hostPort(flow.original);
    this.#pools = new EgressPools(context, flow.original);
    const { limits, timers, isDraining, telemetry } = context;
    const meters: Partial<Record<Protocol, RequestMeter>> = {};
    const observation: Observation = {
      ...flow.observation,
      meter: (trail, protocol) => {
        meters[protocol] ??= telemetry.requestMeter(
          'outbound',
          flow.observation.parties(trail),
          protocol,
          '',
          false,
        );
        return meters[protocol];
      },
    };
    this.#connection = httpServer(version, flow.client, {
      limits,
      timers,
      isDraining,
      handler: compose(
        [
          // sees every answer, also those of the layers below
          observe(observation),
          // by which it can be asked about, also when it is refused
          nameRequest(context.requestIds),
          // a proxy's own request has no business outside
          refuseLoops(),
          // what is in the mesh's name is nobody's business out there, and no mark is added for the same reason
          stripFromApp(),
        ],
        (exchange) => this.#send(exchange),
      ),
      onRefused: (code, reason) => observeRefused(observation, flow.trail, version, code, reason),
    });
  }

  start(bytes: Buffer): void {
    const { client } = this.#flow;
    client.onClosed(() => this.#pools.retire());
    this.#context.connections.onDrain(client, () => this.#connection.drain());
    this.#connection.start(bytes);
  }

  /** What the tunnels that requests have become were opened to. */
  tunnels(): readonly Target[] {
    return Array.from(this.#connection.tunnels, ({ head }) => ({
      name: nameOf(head.host),
      port: portOf(head, this.#flow.original.port),
    }));
  }

  #send(exchange: Exchange): void {
    const { head, trail } = exchange;
    const rules = this.#judge.rules();
    const name = nameOf(head.host);
    const port = portOf(head, this.#flow.original.port);
    const verdict = rules.decide(name, port);
    const isDenied = verdict === 'denied';
    trail.host = name;
    trail.endpoint = this.#name;
    trail.policy = rules.policy;
    trail.rule = EGRESS_RULE;
    trail.verdict = isDenied ? 'denied' : 'allowed';
    this.#judge.count(trail.verdict);
    if (isDenied) {
      return void exchange.answer(
        'denied',
        name === '' ? 'the request names no host' : `not listed: ${name}:${port}`,
      );
    }
    // what opens a tunnel through a forward proxy is said to the proxy
    const isSecured = verdict === 'Originate' && head.method !== 'CONNECT';
    // every server with TLS speaks HTTP/1, and gRPC needs HTTP/2
    const version = isSecured && exchange.protocol !== 'grpc' ? 'http1' : exchange.version;
    const tlsName = isSecured ? name : '';
    new EgressRequest(this.#context, this.#pools, tlsName, version, exchange).start();
  }
}
