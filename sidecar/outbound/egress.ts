import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import { EGRESS_RULE, EgressRules } from '../layers/egress.ts';
import { carry, type OpaqueConnection, refuse } from '../layers/opaque.ts';
import { firstSpeaker } from '../tcp/first-speaker.ts';
import type { EgressCounters } from '../telemetry/telemetry.ts';
import { type Dial, type DialResult, dialPlain } from '../transport/dial.ts';
import { hostPort, type SocketAddress } from '../transport/socket-address.ts';
import { egressPeek } from './egress-peek.ts';
import { EgressRequests, type Target } from './egress-requests.ts';

/** A connection to an address outside the mesh. */
export interface EgressFlow extends OpaqueConnection {
  readonly original: SocketAddress;
}

export type PassReason = 'outside' | 'unreachable';

/** What a connection carries, as far as its name goes; nothing: requests, which are judged one by one. */
type Carried = () => readonly Target[];

/**
 * What goes to addresses outside the mesh. Without anything to allow or to originate, as it is; else by the host that
 * the connection, or each request on it, names. It always goes to the address that was dialled: the name only
 * decides whether it may, so this is no boundary against an app that lies about the name.
 */
export class Egress {
  readonly #context: Context;
  readonly #open = new Map<EgressFlow, Carried>();
  #rules = new EgressRules({});
  #counters: EgressCounters | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Only what is listed may be reached. */
  get isListed(): boolean {
    return this.#rules.isListed;
  }

  prepare(config: ProxyConfig): () => void {
    const rules = new EgressRules(config);
    return () => {
      this.#rules = rules;
      this.#counters = config.egress && this.#context.telemetry.egress(rules.policy);
      for (const [flow, carried] of this.#open) this.#enforce(flow, carried());
    };
  }

  /** A connection that the policy in force would not let out is not kept because it came before. */
  #enforce(flow: EgressFlow, carried: readonly Target[]): void {
    const denied = carried.find(({ name, port }) => this.#rules.decide(name, port) === 'denied');
    if (denied === undefined) return;
    // what was carried must not look complete
    flow.client.abort();
    this.#deny(flow, denied.name, 'the policy changed while the connection was open');
  }

  /** Where nothing in the mesh has the address. */
  pass({ client, trail, observation }: OpaqueConnection, original: SocketAddress, reason: PassReason): void {
    const flow: EgressFlow = { client, trail, observation, original };
    trail.endpoint = hostPort(original);
    if (this.#rules.isListed) return void this.#byName(flow);
    if (this.#rules.mayOriginate(original.port)) return void this.#byFirstSpeaker(flow, reason);
    this.#keep(flow, '');
    this.#dial(flow)((result) => this.#carry(flow, result, reason, EMPTY, EMPTY));
  }

  /** AllowListed: nothing is dialled before there is a name. */
  #byName(flow: EgressFlow): void {
    const { timers, limits } = this.#context;
    egressPeek({
      client: flow.client,
      timers,
      limits,
      done: (named, bytes) => {
        if (named === undefined) return void flow.client.destroy();
        if (named.kind === 'http1' || named.kind === 'http2') {
          return void this.#requests(flow, named.kind, bytes);
        }
        if (named.kind === 'tls') return void this.#opaque(flow, named.serverName, '', bytes);
        this.#opaque(flow, '', named.reason, bytes);
      },
    });
  }

  /** If the app speaks TLS itself there is nothing to originate. `nameless`: why there is no name. */
  #opaque(flow: EgressFlow, name: string, nameless: string, bytes: Buffer): void {
    const { port } = flow.original;
    // the policy may be another one than when the first byte came, and list nothing
    if (this.#rules.decide(name, port) === 'denied') {
      return void this.#deny(flow, name, nameless || `not listed: ${name}:${port}`);
    }
    this.#counters?.allowed.add(1);
    Object.assign(flow.trail, {
      verdict: 'allowed',
      host: name,
      policy: this.#rules.policy,
      rule: EGRESS_RULE,
    });
    this.#keep(flow, name);
    this.#dial(flow)((result) => this.#carry(flow, result, 'outside', bytes, EMPTY));
  }

  /** AllowAll, and a request may have to be sent over TLS: only what proves to be HTTP is parsed. */
  #byFirstSpeaker(flow: EgressFlow, reason: PassReason): void {
    const { timers, limits } = this.#context;
    this.#keep(flow, '');
    firstSpeaker({
      client: flow.client,
      dial: this.#dial(flow),
      dialDelayMs: limits.speculationDelayMs,
      timers,
      limits,
      done: (word) => {
        if (word.by === 'nobody') return void flow.client.destroy();
        if (word.by === 'server') {
          const server: DialResult = { ok: true, channel: word.server };
          return void this.#carry(flow, server, reason, word.clientBytes, word.serverBytes);
        }
        if (word.verdict === 'http1' || word.verdict === 'http2') {
          word.speculation?.discard();
          return void this.#requests(flow, word.verdict, word.bytes);
        }
        const connected = (result: DialResult, bytes: Buffer) =>
          this.#carry(flow, result, reason, word.bytes, bytes);
        if (word.speculation !== undefined) return word.speculation.take(connected);
        this.#dial(flow)((result) => connected(result, EMPTY));
      },
    });
  }

  #requests(flow: EgressFlow, version: HttpVersion, bytes: Buffer): void {
    const requests = new EgressRequests(this.#context, flow, version, {
      rules: () => this.#rules,
      count: (verdict) => this.#counters?.[verdict].add(1),
    });
    this.#follow(flow, () => requests.tunnels());
    requests.start(bytes);
  }

  #carry(flow: EgressFlow, result: DialResult, reason: PassReason, sent: Buffer, received: Buffer): void {
    if (!result.ok) {
      // refused, or gone, meanwhile
      if (!flow.client.destroyed) refuse(this.#context, flow, result.code, result.reason);
      return;
    }
    if (flow.client.destroyed) return void result.channel.destroy();
    this.#context.telemetry.passthrough(reason);
    carry(this.#context, flow, result.channel, sent, received);
  }

  #deny(flow: EgressFlow, name: string, reason: string): void {
    this.#counters?.denied.add(1);
    const { policy } = this.#rules;
    Object.assign(flow.trail, { verdict: 'denied', host: name, policy, rule: EGRESS_RULE });
    refuse(this.#context, flow, 'denied', reason);
  }

  #keep(flow: EgressFlow, name: string): void {
    const carried = [{ name, port: flow.original.port }];
    this.#follow(flow, () => carried);
  }

  #follow(flow: EgressFlow, carried: Carried): void {
    if (!this.#open.has(flow)) flow.client.onClosed(() => this.#open.delete(flow));
    this.#open.set(flow, carried);
  }

  #dial({ original: { address, port } }: EgressFlow): Dial {
    const { limits, timers } = this.#context;
    return dialPlain({ host: address, port, timeoutMs: limits.connectTimeoutMs, timers });
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
