import { isIPv6 } from 'node:net';
import { ALPN, INBOUND_SOURCE_IPV4, INBOUND_SOURCE_IPV6, RESERVED_PORTS } from '../../api/names.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { Context } from '../context.ts';
import { compose, type Exchange, type HttpHandler } from '../http1/exchange.ts';
import { Pool } from '../http1/pool.ts';
import { ServerConnection } from '../http1/server-connection.ts';
import type { Call } from '../layers/authorization.ts';
import { authorize, authorizeConnection } from '../layers/authorize.ts';
import { anonymous, type Caller, plainAddress } from '../layers/caller.ts';
import { callerIdentity } from '../layers/identity.ts';
import { carry, type OpaqueConnection, refuse } from '../layers/opaque.ts';
import { type Observation, observe, observeRefused } from '../layers/telemetry.ts';
import { Trail } from '../layers/trail.ts';
import { firstSpeaker } from '../tcp/first-speaker.ts';
import type { Parties } from '../telemetry/parties.ts';
import type { RequestMeter } from '../telemetry/request-meters.ts';
import type { Channel } from '../transport/channel.ts';
import { type Dial, type DialResult, dialPlain } from '../transport/dial.ts';
import { hostPort, type SocketAddress } from '../transport/socket-address.ts';
import { sendToApp } from './app-sender.ts';
import { opaqueWatch } from './opaque-watch.ts';
import { compilePortPolicies, mayBeHttp, type PortPolicies, type PortPolicy } from './port-policy.ts';
import { type Recognized, recognize } from './recognize.ts';

/** One connection on its way to the app. */
interface Flow extends OpaqueConnection {
  readonly target: SocketAddress;
  readonly caller: Caller;
}

/**
 * From the network to the app: whose connection is this, who is the caller, may they, and only then the app.
 *
 * HTTP/2, gRPC included, is carried as opaque bytes inside mTLS and authorized as a connection: Deny rules
 * with HTTP fields hold, Allow rules with HTTP fields never match, and no caller header is set or stripped.
 * A port that is declared HTTP is HTTP/1 only: an app behind it believes weft-caller, which HTTP/2 could forge.
 */
export class Inbound {
  readonly #context: Context;
  #policies: PortPolicies | undefined;
  #config: ProxyConfig | undefined;
  readonly #pools = new Map<string, Pool>();
  #handshakes = 0;
  /** with what a new configuration has to let in; undefined: requests, which are authorized one by one */
  readonly #open = new Map<Flow, () => Call | undefined>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Throws, and changes nothing, when the configuration cannot be enforced. */
  prepare(config: ProxyConfig): () => void {
    const policies = compilePortPolicies(config);
    return () => {
      this.#policies = policies;
      this.#config = config;
      for (const [flow, call] of this.#open) this.#enforce(flow, call());
    };
  }

  /** A connection that the policy in force would not let in is not kept because it came before. */
  #enforce(flow: Flow, call: Call | undefined): void {
    const { mtls, authorizer } = this.#policy(flow);
    if (mtls === 'Strict' && !flow.trail.encrypted) return void refuse(this.#context, flow, 'strict-mtls');
    if (call === undefined) return;
    const decision = authorizer.decide(call);
    if (decision.allowed) return;
    Object.assign(flow.trail, { verdict: 'denied', policy: decision.policy, rule: decision.rule });
    refuse(this.#context, flow, 'denied');
  }

  #keep(flow: Flow, call: () => Call | undefined): void {
    if (!this.#open.has(flow)) flow.client.onClosed(() => this.#open.delete(flow));
    this.#open.set(flow, call);
  }

  /** `explicit`: where the app listens, when nothing is redirected. */
  accept(client: Channel, explicit: SocketAddress | undefined): void {
    const target = explicit ?? this.#context.originalDestination()?.(client);
    if (target === undefined || this.#policies === undefined) return void client.destroy();
    const flow = this.#flow(client, target, anonymous(plainAddress(client.remoteAddress.address)), false);
    // neither Weft's own ports nor anything that is not this pod: inbound is no way to somewhere else
    if (explicit === undefined && !this.#isForApp(target))
      return void refuse(this.#context, flow, 'no-route');
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
        if (recognized === 'mesh') return this.#authenticate(flow, bytes);
        // no identity, and the policy demands one: closed without a word, whatever it speaks
        if (this.#policy(flow).mtls === 'Strict') return refuse(this.#context, flow, 'strict-mtls');
        this.#plaintext(flow, recognized, bytes);
      },
    });
  }

  #firstByteWaitMs(flow: Flow): number {
    const { mtls, protocol } = this.#policy(flow);
    if (mtls === 'Strict') return this.#context.limits.handshakeTimeoutMs;
    return protocol === 'HTTP'
      ? this.#context.limits.headerTimeoutMs
      : this.#context.limits.serverFirstWaitMs;
  }

  /** Who is the caller: a chain to our roots and one SPIFFE ID, or nothing at all. */
  #authenticate(flow: Flow, bytes: Buffer): void {
    const { limits, timers, mtlsServer } = this.#context;
    // a peer that begins handshakes and never ends them must not keep others out
    if (this.#handshakes >= limits.maxHandshakes) {
      this.#context.telemetry.error('inbound', 'overloaded');
      mtlsServer.abandonOldest();
    }
    this.#handshakes += 1;
    // one deadline from accept to a verified peer
    const leftMs = limits.handshakeTimeoutMs - (timers.nowMs() - flow.trail.startedMs);
    mtlsServer.handshake(flow.client, bytes, Math.max(1, leftMs), (result) => {
      this.#handshakes -= 1;
      if (!result.ok) return refuse(this.#context, flow, 'unauthenticated', result.reason);
      const caller: Caller = { ...result.peer, spiffeId: result.spiffeId, address: flow.caller.address };
      const authenticated = this.#flow(result.channel, flow.target, caller, true);
      if (result.alpn === ALPN.http1) return this.#http(authenticated, EMPTY);
      this.#opaque(authenticated, EMPTY);
    });
  }

  #plaintext(flow: Flow, recognized: Exclude<Recognized, 'mesh' | 'gone'>, bytes: Buffer): void {
    const { protocol } = this.#policy(flow);
    if (recognized === 'silent' && protocol === 'HTTP') return void flow.client.destroy();
    if (recognized === 'http2' && protocol === 'HTTP') return void this.#refuseHttp2(flow);
    const isOther = recognized === 'tls' || recognized === 'http2';
    const isHttp = recognized === 'http1' || (protocol === 'HTTP' && !isOther);
    if (isHttp && mayBeHttp(protocol)) return void this.#http(flow, bytes);
    this.#opaque(flow, bytes);
  }

  #refuseHttp2(flow: Flow): void {
    refuse(this.#context, flow, 'bad-request', 'HTTP/2 on a port that is declared HTTP');
  }

  /** Requests, one by one. The order is the order of trust. */
  #http(flow: Flow, bytes: Buffer): void {
    const { context, caller, trail } = { context: this.#context, caller: flow.caller, trail: flow.trail };
    const authorizer = () => this.#policy(flow).authorizer;
    const handler = compose(
      [
        // sees every answer, also those of the layers below
        observe(flow.observation),
        // before any rule may look at a header: what the network says about identity is not worth keeping
        callerIdentity(caller),
        // the last word before the app hears of it
        authorize({ authorizer, caller, telemetry: context.telemetry }),
      ],
      this.#toApp(flow),
    );
    const connection = new ServerConnection(flow.client, {
      limits: context.limits,
      timers: context.timers,
      isDraining: context.isDraining,
      handler: (exchange) => {
        exchange.trail.encrypted = trail.encrypted;
        handler(exchange);
      },
      onRefused: (code, reason) => observeRefused(flow.observation, trail, code, reason),
    });
    // a tunnel is let in as the request that opened it
    this.#keep(flow, () => connection.tunnel && { caller, ...methodAndPath(connection.tunnel) });
    context.connections.onDrain(flow.client, () => connection.drain());
    connection.start(bytes);
  }

  /** The app's connections are kept apart by address; all callers share them. */
  #toApp(flow: Flow): HttpHandler {
    const name = hostPort(flow.target);
    return sendToApp(this.#context, this.#appPool(name, flow), name);
  }

  #appPool(name: string, flow: Flow): Pool {
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const { pools, limits, timers } = this.#context;
    // a pod has few ports; what is not used costs nothing
    if (this.#pools.size >= MAX_APP_POOLS) this.#pools.clear();
    const pool = new Pool(pools, { dial: this.#dialApp(flow), limits, timers, idleMs: limits.appIdleMs });
    this.#pools.set(name, pool);
    return pool;
  }

  /**
   * Bytes that are not parsed. Should the client speak first after all and speak HTTP where that may be, it is
   * served as HTTP, or it could forge the headers that tell the app who calls.
   */
  #opaque(flow: Flow, bytes: Buffer): void {
    const { context, trail } = { context: this.#context, trail: flow.trail };
    const authorizer = () => this.#policy(flow).authorizer;
    const { caller, client } = flow;
    // before the app is dialled: a refused caller causes nothing there
    if (!authorizeConnection({ authorizer, caller, telemetry: context.telemetry }, trail)) {
      return void refuse(context, flow, 'denied');
    }
    this.#keep(flow, () => ({ caller, method: undefined, path: undefined }));
    trail.endpoint = hostPort(flow.target);
    const dial = this.#dialApp(flow);
    const { protocol } = this.#policy(flow);
    const watch = opaqueWatch(protocol, () => context.telemetry.error('inbound', 'bad-request'));
    const connected = (result: DialResult, fromClient: Buffer, fromServer: Buffer) => {
      if (!result.ok) return refuse(context, flow, result.code, result.reason);
      carry(context, flow, result.channel, fromClient, fromServer, watch);
    };
    if (!watch || bytes.length > 0) return void dial((result) => connected(result, bytes, EMPTY));
    firstSpeaker({
      client,
      dial,
      dialDelayMs: 0,
      timers: context.timers,
      limits: context.limits,
      done: (word) => {
        if (word.by === 'nobody') return void client.destroy();
        if (word.by === 'server') {
          return connected({ ok: true, channel: word.server }, word.clientBytes, word.serverBytes);
        }
        if (word.verdict === 'http1') {
          word.speculation?.discard();
          return this.#http(flow, word.bytes);
        }
        if (word.verdict === 'http2' && protocol === 'HTTP') {
          word.speculation?.discard();
          return this.#refuseHttp2(flow);
        }
        word.speculation?.take((result, serverBytes) => connected(result, word.bytes, serverBytes));
      },
    });
  }

  /** The app, at the address the client dialled; redirected traffic from the source init exempts. */
  #dialApp({ target }: Flow): Dial {
    const { limits, timers, originalDestination } = this.#context;
    const source = isIPv6(target.address) ? INBOUND_SOURCE_IPV6 : INBOUND_SOURCE_IPV4;
    return dialPlain({
      host: target.address,
      port: target.port,
      localAddress: originalDestination() === undefined ? undefined : source,
      timeoutMs: limits.connectTimeoutMs,
      timers,
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
    let meter: RequestMeter | undefined;
    const observation: Observation = {
      direction: 'inbound',
      telemetry,
      timers,
      parties: () => this.#parties(caller),
      meter: () => {
        meter ??= telemetry.requestMeter('inbound', this.#parties(caller), 'http1', '', encrypted);
        return meter;
      },
      caller: caller.spiffeId ?? caller.address,
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

function methodAndPath({ head: { method, path } }: Exchange): Pick<Call, 'method' | 'path'> {
  return { method, path };
}

const MAX_APP_POOLS = 1_024;
const EMPTY = Buffer.alloc(0);
