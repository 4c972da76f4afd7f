import type { ErrorCode } from '../../api/errors.ts';
import { METRICS, type MetricName } from '../../api/metrics.ts';
import type { Decision } from '../layers/authorization.ts';
import type { AccessEntry, AccessLog } from './access-log.ts';
import { type Collect, Collected } from './collected.ts';
import { type Counter, Counters } from './counters.ts';
import { Edges } from './edges.ts';
import type { Direction, NamedService, Parties } from './parties.ts';
import { type Family, slices } from './prometheus.ts';
import { type Protocol, type RequestMeter, RequestMeters } from './request-meters.ts';
import { type TcpMeter, TcpMeters } from './tcp-meters.ts';

const LABEL = /^[a-z][a-z0-9_]*$/;

/** Everything the data path counts. Names and labels are the contract of docs/reference/metrics.md. */
export class Telemetry {
  readonly edges = new Edges();
  readonly #accessLog: AccessLog;
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

  constructor(accessLog: AccessLog) {
    this.#accessLog = accessLog;
    this.#families = [
      ...this.#requests.families(),
      ...this.#tcp.families(),
      this.#retries,
      this.#errors,
      this.#authorization,
      this.#passthrough,
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

  passthrough(reason: 'outside' | 'unreachable'): void {
    this.#passthrough.get(reason).add(1);
  }

  /** A connection beyond the limit, closed. */
  connectionRefused(direction: Direction): void {
    this.#refused.get(direction).add(1);
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
      [METRICS.requests]: this.#requests.sets,
      [METRICS.tcpConnectionsOpen]: this.#tcp.sets,
      [METRICS.retries]: this.#retries.sets,
      [METRICS.authorization]: this.#authorization.sets,
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
