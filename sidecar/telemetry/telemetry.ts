import type { ErrorCode } from '../../api/errors.ts';
import { METRICS, type MetricName } from '../../api/metrics.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { TrailRing } from '../explain/trail-ring.ts';
import type { Decision } from '../layers/authorization.ts';
import type { AccessEntry, AccessLog } from './access-log.ts';
import { AccessLogMode } from './access-log-mode.ts';
import { type Collect, Collected } from './collected.ts';
import { type Counter, Counters } from './counters.ts';
import { Edges } from './edges.ts';
import type { Direction, NamedService, Parties } from './parties.ts';
import { type Family, slices } from './prometheus.ts';
import { type Protocol, type RequestMeter, RequestMeters } from './request-meters.ts';
import { type TcpMeter, TcpMeters } from './tcp-meters.ts';

/** Requests, and connections that are not parsed, by verdict. */
export interface EgressCounters {
  readonly allowed: Counter;
  readonly denied: Counter;
}

const TRAILS = 2_048;
const LABEL = /^[a-z][a-z0-9_]*$/;

/** Everything the data path counts. Names and labels are the contract of docs/reference/metrics.md. */
export class Telemetry {
  readonly edges = new Edges();
  /** the last requests, for who asks about one */
  readonly trails: TrailRing;
  readonly #accessLog: AccessLog;
  readonly #accessLogMode: AccessLogMode;
  #countsByPath = false;
  readonly #requests = new RequestMeters(this.edges);
  readonly #tcp = new TcpMeters();
  readonly #retries = new Counters(METRICS.retries, 'Attempts after the first.', [
    'direction',
    'service',
    'destination_namespace',
    'reason',
  ]);
  readonly #errors = new Counters(METRICS.errors, 'Answers the mesh itself made.', ['direction', 'code']);
  readonly #authorization = new Counters(METRICS.authorization, 'Authorization verdicts.', [
    'verdict',
    'policy',
    'rule',
    'mode',
  ]);
  readonly #passthrough = new Counters(METRICS.passthrough, 'Connections passed through unchanged.', [
    'reason',
  ]);
  readonly #rateLimited = new Counters(METRICS.rateLimited, 'Requests over a rate limit.', [
    'policy',
    'limit',
  ]);
  readonly #egress = new Counters(
    METRICS.egress,
    'Verdicts on what goes outside the mesh.',
    ['verdict', 'policy'],
    { boundedByFirst: true },
  );
  readonly #refused = new Counters(METRICS.connectionsRefused, 'Connections closed at the limit.', [
    'direction',
  ]);
  readonly #errorsOf: Readonly<Record<Direction, Map<ErrorCode, Counter>>> = {
    inbound: new Map(),
    outbound: new Map(),
  };
  /** by identity, so that a verdict costs no look-up of names; decisions of replaced configurations are let go */
  readonly #verdicts = {
    Enforce: new WeakMap<Decision, Counter>(),
    Audit: new WeakMap<Decision, Counter>(),
  };
  readonly #registered: Collected[] = [];
  readonly #families: readonly Family[];

  /** `random`: in [0, 1), decides which requests a sampled access log shows. */
  constructor(accessLog: AccessLog, random: () => number = Math.random, trails = TRAILS) {
    this.#accessLog = accessLog;
    this.trails = new TrailRing(trails, Date.now);
    this.#accessLogMode = new AccessLogMode(random);
    this.#families = [
      ...this.#requests.families(),
      ...this.#tcp.families(),
      this.#retries,
      this.#errors,
      this.#authorization,
      this.#rateLimited,
      this.#passthrough,
      this.#egress,
      this.#refused,
      new Collected(
        METRICS.accessLogDropped,
        'Lines of the access log that nobody read in time.',
        'counter',
        [],
        () => [[[], accessLog.dropped]],
      ),
      this.#overflow(),
    ];
  }

  /** What is told from here on, and how much of it. */
  configure({ telemetry }: ProxyConfig): void {
    this.#accessLogMode.set(telemetry?.accessLog);
    this.#countsByPath = telemetry?.metricLabels?.includes('PathTemplate') ?? false;
  }

  /** To be kept for as long as the connection or endpoint it is for; asking again returns the same one. */
  requestMeter(
    direction: Direction,
    parties: Parties,
    protocol: Protocol,
    route: string,
    encrypted: boolean,
  ): RequestMeter {
    return this.#requests.get(direction, parties, protocol, route, encrypted);
  }

  /** The meter itself, unless requests are counted by the template of their path; then its part for this one. */
  byPath(meter: RequestMeter, path: string | undefined): RequestMeter {
    return this.#countsByPath && path !== undefined ? this.#requests.byPath(meter, path) : meter;
  }

  /** Returns what takes the bytes, and what ends the connection. */
  tcp(direction: Direction, parties: Parties, encrypted: boolean): TcpMeter {
    return this.#tcp.open(direction, parties, encrypted);
  }

  /** `reason`: a few fixed words. */
  retry(direction: Direction, service: NamedService, reason: string): void {
    this.#retries.get(direction, service.name, service.namespace, reason).add(1);
  }

  error(direction: Direction, code: ErrorCode): void {
    const known = this.#errorsOf[direction].get(code);
    if (known !== undefined) return void known.add(1);
    const counter = this.#errors.get(direction, code);
    this.#errorsOf[direction].set(code, counter);
    counter.add(1);
  }

  authorization(decision: Decision, mode: 'Enforce' | 'Audit'): void {
    const known = this.#verdicts[mode].get(decision);
    if (known !== undefined) return void known.add(1);
    const verdict = decision.allowed ? 'allowed' : 'denied';
    const counter = this.#authorization.get(verdict, decision.policy, decision.rule, mode);
    this.#verdicts[mode].set(decision, counter);
    counter.add(1);
  }

  rateLimited(policy: string, limit: string): void {
    this.#rateLimited.get(policy, limit).add(1);
  }

  passthrough(reason: 'outside' | 'unreachable'): void {
    this.#passthrough.get(reason).add(1);
  }

  /** To be kept for as long as the policy is in force. */
  egress(policy: string): EgressCounters {
    return { allowed: this.#egress.get('allowed', policy), denied: this.#egress.get('denied', policy) };
  }

  /** A connection beyond the limit, closed. */
  connectionRefused(direction: Direction): void {
    this.#refused.get(direction).add(1);
  }

  /** Whether the access log gets a line; asked before one is made. `failed`: an error, or audited. */
  wantsAccess(failed: boolean): boolean {
    return this.#accessLogMode.wants(failed);
  }

  access(entry: AccessEntry): void {
    this.#accessLog.write(entry);
  }

  /**
   * A value that somebody else keeps, asked for at each scrape: `collect` gives `[label values, value]`, at most
   * 1,000 of them. Throws on a name that is taken and on a label that is none.
   */
  registerGauge(name: MetricName, help: string, labels: readonly string[], collect: Collect): void {
    this.#register(new Collected(name, help, 'gauge', labels, collect), labels);
  }

  /** The same for what only grows. */
  registerCounter(name: MetricName, help: string, labels: readonly string[], collect: Collect): void {
    this.#register(new Collected(name, help, 'counter', labels, collect), labels);
  }

  #register(family: Collected, labels: readonly string[]): void {
    const wrong = labels.find((label) => !LABEL.test(label));
    if (wrong !== undefined) throw new Error(`${family.name}: not a label: ${wrong}`);
    if (this.families().some(({ name }) => name === family.name)) {
      throw new Error(`${family.name} is there already`);
    }
    this.#registered.push(family);
  }

  families(): readonly Family[] {
    return [...this.#families, ...this.#registered];
  }

  /** Prometheus text, piece by piece: other work may be done between two of them. */
  slices(): Iterable<string> {
    return slices(this.families());
  }

  /** The whole text at once, which holds up everything else for as long as it takes. */
  renderAll(): string {
    return [...this.slices()].join('');
  }

  #overflow(): Family {
    const bounded = {
      [METRICS.requests]: this.#requests,
      [METRICS.tcpConnectionsOpen]: this.#tcp.sets,
      [METRICS.retries]: this.#retries.sets,
      [METRICS.authorization]: this.#authorization.sets,
      [METRICS.egress]: this.#egress.sets,
      [METRICS.rateLimited]: this.#rateLimited.sets,
      edges: this.edges,
    };
    const registered = this.#registered;
    return new Collected(
      METRICS.seriesOverflow,
      'Look-ups that found no room for a series of their own.',
      'counter',
      ['metric'],
      function* () {
        for (const [metric, { overflows }] of Object.entries(bounded)) yield [[metric], overflows];
        for (const { name, overflows } of registered) yield [[name], overflows];
      },
    );
  }
}

export type { RequestMeter, TcpMeter };
