import type { Destination } from '../../api/destination.ts';
import type { ErrorCode } from '../../api/errors.ts';
import { RESERVED_PORTS } from '../../api/names.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import type { Spoken } from '../detect.ts';
import { isGuarded } from '../guarded.ts';
import { type HttpVersion, httpServer } from '../http-server.ts';
import { compose, type HttpHandler } from '../http1/exchange.ts';
import { stripFromApp } from '../layers/identity.ts';
import { markHop, refuseLoops } from '../layers/loop.ts';
import { carry, type OpaqueConnection, refuse } from '../layers/opaque.ts';
import { identifyRequest } from '../layers/request-id.ts';
import { type Observation, observe, observeRefused } from '../layers/telemetry.ts';
import { trace } from '../layers/trace.ts';
import { Trail } from '../layers/trail.ts';
import { isHttp, onlyVersionOf } from '../layers/version.ts';
import { firstSpeaker, type Speculation } from '../tcp/first-speaker.ts';
import { NOBODY, type Parties } from '../telemetry/parties.ts';
import type { Protocol, RequestMeter } from '../telemetry/request-meters.ts';
import type { Channel } from '../transport/channel.ts';
import type { Dial, DialResult } from '../transport/dial.ts';
import { hostPort } from '../transport/socket-address.ts';
import { Egress } from './egress.ts';
import { EndpointConnector } from './endpoint-connector.ts';
import { Mirrors } from './mirrors.ts';
import { opaqueDial } from './opaque-dial.ts';
import { RequestSender } from './request-sender.ts';
import { registerUpstreamMetrics } from './upstream-metrics.ts';
import { Upstreams } from './upstreams.ts';

/** One connection of the app. `original`: where it was going, unless listeners are explicit. */
interface Flow extends OpaqueConnection {
  readonly key: string;
  readonly original: { readonly address: string; readonly port: number } | undefined;
  /** what the connection was opened to */
  destination: Destination | undefined;
  idleTimeoutMs: number | undefined;
}

/**
 * From the app to wherever it goes: what is behind the address, what is spoken, which endpoint, and there
 * with mTLS if it is in the mesh. Requests, of HTTP/1 or HTTP/2, are balanced one by one and go on in the version
 * they came in; anything else is balanced by connection.
 */
export class Outbound {
  readonly #context: Context;
  readonly #upstreams: Upstreams;
  readonly #connector: EndpointConnector;
  readonly #sender: RequestSender;
  readonly #egress: Egress;
  #config: ProxyConfig | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#connector = new EndpointConnector(context);
    this.#upstreams = new Upstreams(context, this.#connector);
    this.#sender = new RequestSender(context, this.#upstreams, new Mirrors(context));
    this.#egress = new Egress(context);
    registerUpstreamMetrics(context.telemetry, this.#upstreams);
  }

  prepare(config: ProxyConfig): () => void {
    const swapEgress = this.#egress.prepare(config);
    return () => {
      this.#config = config;
      swapEgress();
      this.#upstreams.zone = config.workload.zone;
    };
  }

  /** `explicit`: the key of the destination, when nothing is redirected. */
  accept(client: Channel, explicit: string | undefined): void {
    const original = explicit === undefined ? this.#context.originalDestination()?.(client) : undefined;
    const key = explicit ?? (original && hostPort(original));
    if (key === undefined || this.#config === undefined) return void client.destroy();
    const flow = this.#flow(client, key, original);
    // what is behind the address: known, or asked of the operator once
    this.#context.state.destinations.resolve(key, (answer) => {
      if (client.destroyed) return;
      if (answer === null) return this.#passThrough(flow, 'outside');
      if (answer === 'unreachable') return this.#unreachable(flow);
      flow.destination = answer;
      flow.idleTimeoutMs = answer.traffic?.timeout?.idleMs;
      this.#byProtocol(flow, answer);
    });
  }

  /** What is spoken: declared, learned, or by who speaks first. */
  #byProtocol(flow: Flow, destination: Destination): void {
    const { protocol } = destination;
    if (protocol === undefined) return void this.#byFirstSpeaker(flow, destination);
    if (isHttp(protocol)) return void this.#waitForClient(flow, undefined);
    this.#opaque(flow, EMPTY, undefined);
  }

  /**
   * An opaque connection is dialled meanwhile, since the server may be the one that speaks. What was learned of
   * the destination says only how soon: one connection that was odd decides for no other.
   */
  #byFirstSpeaker(flow: Flow, destination: Destination): void {
    const { limits } = this.#context;
    const learned = this.#upstreams.learned(flow.key);
    const delayMs = learned === 'client' ? limits.serverFirstWaitMs : limits.speculationDelayMs;
    this.#waitForClient(flow, this.#dialOpaque(flow, destination), learned === 'server' ? 0 : delayMs);
  }

  #waitForClient(flow: Flow, dial: Dial | undefined, dialDelayMs = 0): void {
    const { timers, limits } = this.#context;
    firstSpeaker({
      client: flow.client,
      dial,
      dialDelayMs,
      timers,
      limits,
      done: (word) => {
        if (word.by === 'nobody') return void flow.client.destroy();
        this.#upstreams.learn(flow.key, word.by);
        if (word.by === 'server')
          return carry(this.#context, flow, word.server, word.clientBytes, word.serverBytes);
        const version = this.#versionOf(flow, word.verdict);
        if (version === undefined) return this.#opaque(flow, word.bytes, word.speculation);
        // it speaks opaque bytes to the endpoint: no request can be sent over it
        word.speculation?.discard();
        this.#http(flow, version, word.bytes, this.#sender.handler(flow.key));
      },
    });
  }

  /** Undefined: no requests. */
  #versionOf({ destination }: Flow, verdict: Spoken): HttpVersion | undefined {
    if (verdict === 'http1' || verdict === 'http2') return verdict;
    // declared as HTTP and malformed: the codec says so; TLS is carried as it is
    if (!isHttp(destination?.protocol) || verdict === 'tls') return undefined;
    return onlyVersionOf(destination?.protocol) ?? 'http1';
  }

  /** Requests, one by one. */
  #http(flow: Flow, version: HttpVersion, bytes: Buffer, last: HttpHandler): void {
    const context = this.#context;
    const handler = compose(
      [
        // sees every answer, also those of the layers below
        observe(flow.observation),
        // before the mark is stripped
        refuseLoops(),
        // an app cannot speak as the mesh
        stripFromApp(),
        // by which both sidecars can be asked about it
        identifyRequest(context.requestIds),
        // before anything is decided of it: one span for all attempts, and its context on each
        trace(context.tracing, flow.observation),
        // last of the header layers, so that nothing removes it
        markHop(() => this.#config!.proxyId),
      ],
      last,
    );
    const connection = httpServer(version, flow.client, {
      limits: context.limits,
      timers: context.timers,
      isDraining: context.isDraining,
      handler,
      onRefused: (code, reason, isGrpc) =>
        observeRefused(flow.observation, flow.trail, isGrpc ? 'grpc' : version, code, reason),
    });
    context.connections.onDrain(flow.client, () => connection.drain());
    connection.start(bytes);
  }

  #opaque(flow: Flow, bytes: Buffer, speculation: Speculation | undefined): void {
    const connected = (result: DialResult, serverBytes: Buffer) => {
      if (!result.ok) return refuse(this.#context, flow, result.code, result.reason);
      carry(this.#context, flow, result.channel, bytes, serverBytes);
    };
    if (speculation !== undefined) return void speculation.take(connected);
    this.#dialOpaque(flow, flow.destination!)((result) => connected(result, EMPTY));
  }

  #dialOpaque(flow: Flow, destination: Destination): Dial {
    const upstream = this.#upstreams.get(flow.key, destination);
    const onHost = (host: Host) => {
      flow.trail.upstream = upstream;
      flow.trail.chosen = host;
    };
    return opaqueDial({
      context: this.#context,
      connector: this.#connector,
      upstream,
      trail: flow.trail,
      onHost,
    });
  }

  /** Nothing in the mesh has this address: the connection goes where it was going, if egress lets it. */
  #passThrough(flow: Flow, reason: 'outside' | 'unreachable'): void {
    const { original } = flow;
    if (original === undefined) return void this.#answerOrClose(flow, 'no-route');
    if (RESERVED_PORTS.includes(original.port) && this.#isOwn(original.address)) {
      return void refuse(this.#context, flow, 'loop');
    }
    this.#egress.pass(flow, original, reason);
  }

  #isOwn(address: string): boolean {
    return address === '::1' || address.startsWith('127.') || this.#context.ownAddresses(address);
  }

  /** Not known, and nobody to ask: who is guarded gets an error, others go on unprotected as without a mesh. */
  #unreachable(flow: Flow): void {
    if (isGuarded(this.#config!)) return void this.#answerOrClose(flow, 'control-plane-unreachable');
    this.#passThrough(flow, 'unreachable');
  }

  /** An error a client that speaks HTTP can read; any other sees its connection closed. */
  #answerOrClose(flow: Flow, code: ErrorCode): void {
    const { timers, limits } = this.#context;
    firstSpeaker({
      client: flow.client,
      dialDelayMs: 0,
      timers,
      limits: { ...limits, idleTimeoutMs: limits.detectTimeoutMs },
      done: (word) => {
        if (word.by === 'client' && (word.verdict === 'http1' || word.verdict === 'http2')) {
          return this.#http(flow, word.verdict, word.bytes, (exchange) => exchange.answer(code));
        }
        refuse(this.#context, flow, code);
      },
    });
  }

  #flow(client: Channel, key: string, original: Flow['original']): Flow {
    const { telemetry, timers, state } = this.#context;
    const trail = new Trail();
    trail.startedMs = timers.nowMs();
    const observation: Observation = {
      direction: 'outbound',
      telemetry,
      timers,
      parties: (trail) => this.#parties(flow, trail),
      meter: (trail, protocol) => this.#meter(flow, trail, protocol),
      caller: state.identity?.spiffeId ?? '',
      callerAddress: '',
      at: key,
      kind: undefined,
    };
    const flow: Flow = {
      client,
      key,
      original,
      trail,
      observation,
      destination: undefined,
      idleTimeoutMs: undefined,
    };
    return flow;
  }

  #meter(flow: Flow, trail: Trail, protocol: Protocol): RequestMeter {
    const { chosen: host, settings } = trail;
    const index = (settings?.index ?? 0) * PROTOCOLS + indexOf(protocol);
    const known = host?.meters[index];
    if (known !== undefined) return known;
    const parties = this.#parties(flow, trail);
    const { telemetry } = this.#context;
    const meter = telemetry.requestMeter(
      'outbound',
      parties,
      protocol,
      settings?.name ?? '',
      trail.encrypted,
    );
    if (host !== undefined) host.meters[index] = meter;
    return meter;
  }

  #parties({ destination }: Flow, { upstream, chosen: host }: Trail): Parties {
    const { app, namespace } = this.#config!.workload;
    const source = { workload: app, namespace };
    const called = upstream?.destination ?? destination;
    if (called === undefined) return { source, destination: NOBODY, service: '' };
    return {
      source,
      destination: {
        workload: host?.endpoint.workload ?? called.name,
        namespace: host?.endpoint.namespace ?? called.namespace,
      },
      service: called.name,
    };
  }
}

const EMPTY = Buffer.alloc(0);
const PROTOCOLS = 3;

function indexOf(protocol: Protocol): number {
  if (protocol === 'http1') return 0;
  return protocol === 'http2' ? 1 : 2;
}
