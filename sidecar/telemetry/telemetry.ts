import type { ErrorCode } from '../../api/errors.ts';
import { METRICS } from '../../api/metrics.ts';
import type { Decision } from '../layers/authorization.ts';
import type { AccessEntry, AccessLog } from './access-log.ts';
import { Edges } from './edges.ts';
import type { Direction, Parties } from './parties.ts';
import { renderCounters, renderHistograms } from './prometheus.ts';
import { counters, histograms } from './series.ts';

const PARTY_LABELS = [
  'direction',
  'source_workload',
  'source_namespace',
  'destination_workload',
  'destination_namespace',
  'service',
];

/** Everything the data path counts. Names and labels are the contract of API.md. */
export class Telemetry {
  readonly edges = new Edges();
  readonly #accessLog: AccessLog;
  readonly #requests = counters(METRICS.requests, 'Requests answered.', [
    ...PARTY_LABELS,
    'protocol',
    'status_class',
    'mtls',
  ]);
  readonly #durations = histograms(
    METRICS.requestDuration,
    'From request head to end of response, in seconds.',
    [...PARTY_LABELS, 'protocol', 'mtls'],
  );
  readonly #tcpOpen = counters(METRICS.tcpConnectionsOpen, 'Opaque connections open.', [
    ...PARTY_LABELS,
    'mtls',
  ]);
  readonly #tcpBytes = counters(METRICS.tcpBytes, 'Bytes of opaque connections.', [
    ...PARTY_LABELS,
    'mtls',
    'flow',
  ]);
  readonly #retries = counters(METRICS.retries, 'Attempts after the first.', [
    'direction',
    'service',
    'reason',
  ]);
  readonly #errors = counters(METRICS.errors, 'Answers the mesh itself made.', ['direction', 'code']);
  readonly #authorization = counters(METRICS.authorization, 'Authorization verdicts.', [
    'verdict',
    'policy',
    'rule',
    'mode',
  ]);
  readonly #passthrough = counters('weft_passthrough_total', 'Connections passed through unchanged.', [
    'reason',
  ]);

  constructor(accessLog: AccessLog) {
    this.#accessLog = accessLog;
  }

  request(
    direction: Direction,
    parties: Parties,
    status: number,
    encrypted: boolean,
    durationMs: number,
  ): void {
    const labels = labelsOf(direction, parties);
    const mtls = String(encrypted);
    const statusClass = status === 0 ? 'none' : `${Math.floor(status / 100)}xx`;
    this.#requests.get(...labels, 'http1', statusClass, mtls).value += 1;
    this.#durations.get(...labels, 'http1', mtls).observe(durationMs / 1000);
  }

  /** Returns what takes the bytes, and what ends the connection. */
  tcp(direction: Direction, parties: Parties, encrypted: boolean): TcpMeter {
    const labels = [...labelsOf(direction, parties), String(encrypted)];
    const open = this.#tcpOpen.get(...labels);
    const sent = this.#tcpBytes.get(...labels, 'sent');
    const received = this.#tcpBytes.get(...labels, 'received');
    open.value += 1;
    return {
      bytes: (flow, count) => {
        if (flow === 'sent') sent.value += count;
        else received.value += count;
      },
      close: () => {
        open.value -= 1;
      },
    };
  }

  retry(direction: Direction, service: string, reason: 'connect' | 'reset'): void {
    this.#retries.get(direction, service, reason).value += 1;
  }

  error(direction: Direction, code: ErrorCode): void {
    this.#errors.get(direction, code).value += 1;
  }

  authorization(decision: Decision, mode: 'Enforce' | 'Audit'): void {
    const verdict = decision.allowed ? 'allowed' : 'denied';
    this.#authorization.get(verdict, decision.policy, decision.rule, mode).value += 1;
  }

  passthrough(reason: 'outside' | 'unreachable'): void {
    this.#passthrough.get(reason).value += 1;
  }

  access(entry: AccessEntry): void {
    this.#accessLog.write(entry);
  }

  render(): string {
    return [
      renderCounters(this.#requests, 'counter'),
      renderHistograms(this.#durations),
      renderCounters(this.#tcpOpen, 'gauge'),
      renderCounters(this.#tcpBytes, 'counter'),
      renderCounters(this.#retries, 'counter'),
      renderCounters(this.#errors, 'counter'),
      renderCounters(this.#authorization, 'counter'),
      renderCounters(this.#passthrough, 'counter'),
    ].join('');
  }
}

export interface TcpMeter {
  readonly bytes: (flow: 'sent' | 'received', count: number) => void;
  readonly close: () => void;
}

function labelsOf(direction: Direction, { source, destination, service }: Parties): readonly string[] {
  return [direction, source.workload, source.namespace, destination.workload, destination.namespace, service];
}
