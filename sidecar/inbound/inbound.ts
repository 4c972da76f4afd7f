import { ALPN, RESERVED_PORTS } from '../../api/names.ts';
import type { InboundLimits, ProxyConfig } from '../../api/proxy-config.ts';
import { newSeed } from '../balancers/hash.ts';
import type { Context } from '../context.ts';
import { type HttpVersion, httpServer } from '../http-server.ts';
import { authorizeConnection } from '../layers/authorize.ts';
import { anonymous, type Caller, plainAddress } from '../layers/caller.ts';
import { TokenAuthenticators } from '../layers/jwt-authenticators.ts';
import { carry, refuse } from '../layers/opaque.ts';
import { RateLimiters } from '../layers/rate-limiters.ts';
import { type Observation, observeRefused } from '../layers/telemetry.ts';
import { Trail } from '../layers/trail.ts';
import { isHttp, onlyVersionOf } from '../layers/version.ts';
import { firstSpeaker } from '../tcp/first-speaker.ts';
import type { Parties } from '../telemetry/parties.ts';
import type { Protocol, RequestMeter } from '../telemetry/request-meters.ts';
import type { Channel } from '../transport/channel.ts';
import type { DialResult } from '../transport/dial.ts';
import { hostPort, type SocketAddress } from '../transport/socket-address.ts';
import { Apps } from './apps.ts';
import { ConnectionCounts } from './connection-counts.ts';
import type { Flow } from './flow.ts';
import { HttpLayers } from './http-layers.ts';
import { opaqueWatch } from './opaque-watch.ts';
import { OpenFlows } from './open-flows.ts';
import { compilePortPolicies, mayBeHttp, type PortPolicies, type PortPolicy } from './port-policy.ts';
import { type Recognized, recognize, recognizeLate } from './recognize.ts';

/**
 * From the network to the app: whose connection is this, who is the caller, may they, and only then the app.
 *
 * Requests, of HTTP/1 or HTTP/2, are let in one by one and go on in the version they came in. What is not parsed is
 * authorized as a connection: Deny rules with HTTP fields hold, Allow rules with HTTP fields never match, and no
 * caller header is set or stripped; so what an app could take for HTTP is always parsed where it may be HTTP.
 */
export class Inbound {
  readonly #context: Context;
  #policies: PortPolicies | undefined;
  #config: ProxyConfig | undefined;
  readonly #apps: Apps;
  #handshakes = 0;
  readonly #open: OpenFlows;
  readonly #counts = new ConnectionCounts();
  readonly #rateLimitSeed: number;
  #rateLimiters: RateLimiters | undefined;
  #authenticators: TokenAuthenticators | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#open = new OpenFlows(context);
    this.#apps = new Apps(context, (port) => this.#policies!(port));
    this.#rateLimitSeed = newSeed(context.random);
  }

  /** Throws, and changes nothing, when the configuration cannot be enforced. */
  prepare(config: ProxyConfig): () => void {
    const rateLimiters = new RateLimiters(config, this.#rateLimiters, this.#rateLimitSeed);
    const authenticators = new TokenAuthenticators(config, this.#authenticators, {
      maxVerifications: this.#context.limits.maxTokenVerifications,
    });
    const policies = compilePortPolicies(config, authenticators, rateLimiters);
    return () => {
      this.#policies = policies;
      this.#config = config;
      this.#rateLimiters = rateLimiters;
      this.#authenticators = authenticators;
      this.#open.judge((flow) => this.#policy(flow));
    };
  }

  /** `explicit`: where the app listens, when nothing is redirected. */
  accept(client: Channel, explicit: SocketAddress | undefined): void {
    const target = explicit ?? this.#context.originalDestination()?.(client);
    if (target === undefined || this.#policies === undefined) return void client.destroy();
    const flow = this.#flow(client, target, anonymous(plainAddress(client.remoteAddress.address)), false);
    // neither Weft's own ports nor anything that is not this pod: inbound is no way to somewhere else
    if (explicit === undefined && !this.#isForApp(target))
      return void refuse(this.#context, flow, 'no-route');
    if (!this.#counts.tryEnter(target.port, this.#policy(flow).limits?.maxConnections)) {
      this.#context.telemetry.connectionRefused('inbound');
      return void refuse(this.#context, flow, 'overloaded');
    }
    client.onClosed(() => this.#counts.leave(target.port));
    this.#recognize(flow);
  }

  /** Whose connection is this: our mTLS, someone else's TLS, or plaintext. */
  #recognize(flow: Flow): void {
    const { timers, limits } = this.#context;
    recognize({
      channel: flow.client,
      timers,
      waitMs: this.#firstByteWaitMs(flow),
      helloTimeoutMs: limits.handshakeTimeoutMs,
      done: (recognized, bytes) => {
        if (recognized === 'gone') return void flow.client.destroy();
        if (recognized === 'mesh') return this.#authenticate(flow, bytes, flow.trail.startedMs);
        // no identity, and the policy demands one: closed without a word, whatever it speaks
        if (this.#policy(flow).mtls === 'Strict') return refuse(this.#context, flow, 'strict-mtls');
        this.#plaintext(flow, recognized, bytes);
      },
    });
  }

  #firstByteWaitMs(flow: Flow): number {
    const { mtls, protocol } = this.#policy(flow);
    if (mtls === 'Strict') return this.#context.limits.handshakeTimeoutMs;
    return isHttp(protocol) ? this.#context.limits.headerTimeoutMs : this.#context.limits.serverFirstWaitMs;
  }

  /** Who is the caller: a chain to our roots and one SPIFFE ID, or nothing at all. */
  #authenticate(flow: Flow, bytes: Buffer, sinceMs: number): void {
    const { limits, timers, mtlsServer } = this.#context;
    // a peer that begins handshakes and never ends them must not keep others out
    if (this.#handshakes >= limits.maxHandshakes) {
      this.#context.telemetry.error('inbound', 'overloaded');
      mtlsServer.abandonOldest();
    }
    this.#handshakes += 1;
    // one deadline from accept, or from when a silent client speaks after all, to a verified peer
    const leftMs = limits.handshakeTimeoutMs - (timers.nowMs() - sinceMs);
    mtlsServer.handshake(flow.client, bytes, Math.max(1, leftMs), (result) => {
      this.#handshakes -= 1;
      if (!result.ok) return refuse(this.#context, flow, 'unauthenticated', result.reason);
      const caller: Caller = { ...result.peer, spiffeId: result.spiffeId, address: flow.caller.address };
      const authenticated = this.#flow(result.channel, flow.target, caller, true);
      this.#open.prove(authenticated, result.provenUntilMs);
      if (result.alpn === ALPN.http1) return this.#http(authenticated, 'http1', EMPTY);
      if (result.alpn === ALPN.http2) return this.#http(authenticated, 'http2', EMPTY);
      this.#opaque(authenticated, EMPTY);
    });
  }

  #plaintext(flow: Flow, recognized: Exclude<Recognized, 'mesh' | 'gone'>, bytes: Buffer): void {
    const { protocol } = this.#policy(flow);
    if (recognized === 'silent' && isHttp(protocol)) return void flow.client.destroy();
    if (mayBeHttp(protocol) && (recognized === 'http1' || recognized === 'http2')) {
      return void this.#http(flow, recognized, bytes);
    }
    // malformed: the codec says so
    if (isHttp(protocol) && recognized !== 'tls') {
      return void this.#http(flow, onlyVersionOf(protocol) ?? 'http1', bytes);
    }
    this.#opaque(flow, bytes);
  }

  /** Requests, one by one. */
  #http(flow: Flow, version: HttpVersion, bytes: Buffer): void {
    const context = this.#context;
    const { trail } = flow;
    const app = this.#apps.handler(flow.target);
    let isEnding = false;
    const end = () => {
      isEnding = true;
      // who it was is not proven any more
      connection.drain(false);
    };
    const layers = new HttpLayers({ context, flow, policy: () => this.#policy(flow), app });
    const connection = httpServer(version, flow.client, {
      limits: context.limits,
      timers: context.timers,
      // callers in the mesh are told by the control plane, and look for another endpoint themselves
      isDraining: () => isEnding || context.isDraining() || (!trail.encrypted && context.isTerminating()),
      handler: (exchange) => layers.handle(exchange),
      onRefused: (code, reason, isGrpc) =>
        observeRefused(flow.observation, trail, isGrpc ? 'grpc' : version, code, reason),
    });
    const follow = (limits: InboundLimits | undefined) => {
      const { maxHeaderBytes, idleTimeoutMs } = context.limits;
      connection.setLimits(
        Math.min(maxHeaderBytes, limits?.maxHeaderBytes ?? maxHeaderBytes),
        limits?.idleTimeoutMs ?? idleTimeoutMs,
      );
    };
    const { limits } = this.#policy(flow);
    if (limits !== undefined) follow(limits);
    this.#open.keep(flow, { tunnels: () => connection.tunnels, follow, end });
    context.connections.onDrain(flow.client, () => connection.drain());
    connection.start(bytes);
  }

  /**
   * Bytes that are not parsed. Should the client speak first after all and speak HTTP where that may be, it is
   * served as HTTP, or it could forge the headers that tell the app who calls.
   */
  #opaque(flow: Flow, bytes: Buffer): void {
    const { context, trail } = { context: this.#context, trail: flow.trail };
    const { caller, client } = flow;
    const { authorizer, protocol } = this.#policy(flow);
    // before the app is dialled: a refused caller causes nothing there
    if (!authorizeConnection({ authorizer, caller, telemetry: context.telemetry }, trail)) {
      return void refuse(context, flow, 'denied');
    }
    const open = this.#open.keep(flow, { tunnels: undefined, follow: undefined });
    trail.endpoint = hostPort(flow.target);
    const dial = this.#apps.dial(flow.target);
    const watch = opaqueWatch(protocol, () => context.telemetry.error('inbound', 'bad-request'));
    const connected = (result: DialResult, fromClient: Buffer, fromServer: Buffer) => {
      if (!result.ok) return refuse(context, flow, result.code, result.reason);
      const { idleTimeoutMs } = this.#policy(flow).limits ?? {};
      const idle = carry(context, { ...flow, idleTimeoutMs }, result.channel, fromClient, fromServer, watch);
      open.follow = (limits) => {
        idle.timeoutMs = limits?.idleTimeoutMs ?? context.limits.idleTimeoutMs;
      };
    };
    if (!watch || bytes.length > 0) return void dial((result) => connected(result, bytes, EMPTY));
    firstSpeaker<'mesh'>({
      client,
      dial,
      dialDelayMs: 0,
      recognize: trail.encrypted ? undefined : recognizeLate,
      timers: context.timers,
      limits: context.limits,
      done: (word) => {
        if (word.by === 'nobody') return void client.destroy();
        if (word.by === 'server') {
          return connected({ ok: true, channel: word.server }, word.clientBytes, word.serverBytes);
        }
        if (word.verdict === 'mesh') {
          // held up on its way: its hello must not come to the app as bytes of an unknown caller
          word.speculation?.discard();
          this.#open.forget(flow);
          return this.#authenticate(flow, word.bytes, context.timers.nowMs());
        }
        if (word.verdict === 'http1' || word.verdict === 'http2') {
          word.speculation?.discard();
          return this.#http(flow, word.verdict, word.bytes);
        }
        word.speculation?.take((result, serverBytes) => connected(result, word.bytes, serverBytes));
      },
    });
  }

  #isForApp({ address, port }: SocketAddress): boolean {
    return !RESERVED_PORTS.includes(port) && this.#context.ownAddresses(address);
  }

  #policy({ target }: Flow): PortPolicy {
    return this.#policies!(target.port);
  }

  #flow(client: Channel, target: SocketAddress, caller: Caller, encrypted: boolean): Flow {
    const { telemetry, timers } = this.#context;
    const trail = new Trail();
    trail.startedMs = timers.nowMs();
    trail.encrypted = encrypted;
    const meters: Partial<Record<Protocol, RequestMeter>> = {};
    const observation: Observation = {
      direction: 'inbound',
      telemetry,
      timers,
      parties: () => this.#parties(caller),
      meter: (_trail, requestProtocol) => {
        meters[requestProtocol] ??= telemetry.requestMeter(
          'inbound',
          this.#parties(caller),
          requestProtocol,
          '',
          encrypted,
        );
        return meters[requestProtocol];
      },
      caller: caller.spiffeId ?? caller.address,
      callerAddress: caller.address,
      at: hostPort(target),
      kind: undefined,
    };
    return { client, target, caller, trail, observation };
  }

  #parties(caller: Caller): Parties {
    const workload = this.#config!.workload;
    return {
      source: { workload: caller.serviceAccount ?? '', namespace: caller.namespace ?? '' },
      destination: { workload: workload.app, namespace: workload.namespace },
      service: '',
    };
  }
}

const EMPTY = Buffer.alloc(0);
