import { METRICS } from '../../api/metrics.ts';
import { GRPC_STATUSES } from '../layers/grpc.ts';
import { Cells, type Row } from './cells.ts';
import type { Edge, Edges } from './edges.ts';
import { LabelSets } from './label-sets.ts';
import { labelText } from './labels.ts';
import { type Direction, PARTY_LABELS, type Parties, partiesOf, setParties } from './parties.ts';
import { type Family, line } from './prometheus.ts';
import { TemplateMeters } from './template-meters.ts';

export type Protocol = 'http1' | 'http2' | 'grpc';

/** Upper bounds in seconds. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BOUNDS_MS = Float64Array.from(DURATION_BUCKETS, (seconds) => seconds * 1000);
const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** Columns of a row: the status classes, the buckets (one more than the bounds: the rest), the sum. */
const FIRST_BUCKET = STATUS_CLASSES.length;
const BUCKETS = BOUNDS_MS.length + 1;
const SUM_MS = FIRST_BUCKET + BUCKETS;
/** then one for each gRPC status, and one for calls that ended without */
const FIRST_GRPC = SUM_MS + 1;
const WIDTH = FIRST_GRPC + GRPC_STATUSES + 1;
const GRPC_LABELS = Array.from({ length: GRPC_STATUSES + 1 }, (_, status) => {
  return `,grpc_status="${status === GRPC_STATUSES ? 'none' : status}"`;
});

const LABELS = [...PARTY_LABELS, 'route', 'protocol', 'mtls'];
const CLASS_LABELS = STATUS_CLASSES.map((name) => `,status_class="${name}"`);
const BUCKET_LABELS = [...DURATION_BUCKETS.map(String), '+Inf'].map((bound) => `,le="${bound}"`);

/** Each is up to 6 counters and a histogram of 16 lines: 17,600 lines when both directions are full. */
const MAX_METERS_PER_DIRECTION = 400;

/**
 * Counts the requests between two parties on one route. Looked up once for a connection or an endpoint and
 * kept: it stays valid for good, and counting allocates nothing.
 */
export class RequestMeter {
  /** for `allowed`, `denied` and `errors` of the live view */
  readonly edge: Edge;
  readonly labels: string;
  /** this one's, apart by the template of the path; undefined: nobody has asked for that */
  byTemplate: Map<string, RequestMeter> | undefined = undefined;
  readonly #block: Float64Array;
  readonly #at: number;

  constructor(labels: string, edge: Edge, { block, at }: Row) {
    this.labels = labels;
    this.edge = edge;
    this.#block = block;
    this.#at = at;
  }

  /** `status` 0: no answer was sent. `durationMs` is a difference of `performance.now()`. */
  record(status: number, durationMs: number): void {
    const block = this.#block;
    const at = this.#at;
    // a clock that went back counts as no time; not a number does not poison the sum
    const elapsedMs = durationMs > 0 ? durationMs : 0;
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && elapsedMs > BOUNDS_MS[bucket]!) bucket += 1;
    block[at + statusClass(status)]! += 1;
    block[at + FIRST_BUCKET + bucket]! += 1;
    block[at + SUM_MS]! += elapsedMs;
  }

  /** Of a gRPC call, besides; -1: it ended without a status. */
  recordGrpc(status: number): void {
    this.#block[this.#at + FIRST_GRPC + (status < 0 ? GRPC_STATUSES : status)]! += 1;
  }

  /** One line for each gRPC status seen. */
  grpcLines(name: string): string {
    let text = '';
    for (let column = 0; column <= GRPC_STATUSES; column += 1) {
      const count = this.#block[this.#at + FIRST_GRPC + column]!;
      if (count > 0) text += line(name, this.labels + GRPC_LABELS[column]!, count);
    }
    return text;
  }

  /** One line for each status class seen. */
  counterLines(name: string): string {
    let text = '';
    for (let column = 0; column < STATUS_CLASSES.length; column += 1) {
      const count = this.#block[this.#at + column]!;
      if (count > 0) text += line(name, this.labels + CLASS_LABELS[column]!, count);
    }
    return text;
  }

  /** Empty when nothing was counted, as when all of it is counted by path. */
  histogramLines(name: string): string {
    const at = this.#at + FIRST_BUCKET;
    let text = '';
    let total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      total += this.#block[at + bucket]!;
      text += line(`${name}_bucket`, this.labels + BUCKET_LABELS[bucket]!, total);
    }
    if (total === 0) return '';
    text += line(`${name}_sum`, this.labels, this.#block[this.#at + SUM_MS]! / 1000);
    return text + line(`${name}_count`, this.labels, total);
  }
}

/** Classes beyond 5xx do not exist: such a status is taken as 5xx (RFC 9110, section 15). */
function statusClass(status: number): number {
  if (status >= 600) return 5;
  return status >= 100 ? (status / 100) | 0 : 0;
}

export class RequestMeters {
  readonly #values: string[] = LABELS.map(() => '');
  readonly sets: LabelSets<RequestMeter>;
  readonly #templates: TemplateMeters;

  constructor(edges: Edges) {
    const cells = new Cells(WIDTH);
    this.#templates = new TemplateMeters((labels, { edge }) => new RequestMeter(labels, edge, cells.add()));
    this.sets = new LabelSets({
      create: (values) => new RequestMeter(labelText(LABELS, values), edgeOf(edges, values), cells.add()),
      max: MAX_METERS_PER_DIRECTION,
      boundedByFirst: true,
    });
  }

  get(
    direction: Direction,
    parties: Parties,
    protocol: Protocol,
    route: string,
    encrypted: boolean,
  ): RequestMeter {
    const values = this.#values;
    setParties(values, direction, parties);
    values[6] = route;
    values[7] = protocol;
    values[8] = encrypted ? 'true' : 'false';
    return this.sets.get(values);
  }

  /** The part of a meter that counts the requests to paths like this one. */
  byPath(meter: RequestMeter, path: string): RequestMeter {
    return this.#templates.get(meter, path);
  }

  get overflows(): number {
    return this.sets.overflows + this.#templates.overflows;
  }

  families(): readonly Family[] {
    const { items } = this.sets;
    const templates = this.#templates.items;
    return [
      {
        name: METRICS.requests,
        help: 'Requests answered.',
        type: 'counter',
        *lines() {
          for (const meter of items) yield meter.counterLines(METRICS.requests);
          for (const meter of templates) yield meter.counterLines(METRICS.requests);
        },
      },
      {
        name: METRICS.grpcRequests,
        help: 'gRPC calls ended, by grpc-status.',
        type: 'counter',
        *lines() {
          for (const meter of items) yield meter.grpcLines(METRICS.grpcRequests);
          for (const meter of templates) yield meter.grpcLines(METRICS.grpcRequests);
        },
      },
      {
        name: METRICS.requestDuration,
        help: 'From request head to end of response, in seconds.',
        type: 'histogram',
        *lines() {
          for (const meter of items) yield meter.histogramLines(METRICS.requestDuration);
          for (const meter of templates) yield meter.histogramLines(METRICS.requestDuration);
        },
      },
    ];
  }
}

function edgeOf(edges: Edges, values: readonly string[]): Edge {
  return edges.get(values[0] as Direction, partiesOf(values), values[8] === 'true');
}
