import type { ProxyConfig } from '../../api/proxy-config.ts';
import { NO_TRACES_URL, tracesUrl } from '../../api/traces-url.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { Observation } from '../layers/telemetry.ts';
import type { SpanCounts } from '../telemetry/span-counts.ts';
import type { Timers } from '../transport/timers.ts';
import { collectorClient } from './collector-client.ts';
import { SpanExporter } from './exporter.ts';
import { OpenSpan } from './open-span.ts';
import { ownText } from './own-text.ts';
import type { Attribute, Span } from './span.ts';
import { readContext, writeContext } from './trace-context.ts';
import { isSampled, TraceIds } from './trace-ids.ts';
import { WallClock } from './wall-clock.ts';

export interface TracerOptions {
  readonly config: ProxyConfig;
  readonly counts: SpanCounts;
  readonly timers: Timers;
  /** in [0, 1) */
  readonly random: () => number;
  readonly wallMs: () => number;
}

/** Undefined when the configuration has no tracing. Throws on an endpoint that no spans can be sent to. */
export function createTracer(options: TracerOptions): Tracer | undefined {
  const { config, counts, timers, random, wallMs } = options;
  const tracing = config.telemetry?.tracing;
  if (tracing === undefined) return undefined;
  const url = tracesUrl(tracing.endpoint);
  if (url === undefined) throw new Error(NO_TRACES_URL);
  const client = collectorClient(url, timers);
  const exporter = new SpanExporter({ client, resource: resourceOf(config), counts, timers, random });
  return new Tracer(exporter, tracing.samplePercent, new WallClock(wallMs, () => timers.nowMs()));
}

/** Continues or begins the trace of each request, and makes a span of those that are sampled. */
export class Tracer {
  readonly #exporter: SpanExporter;
  readonly #samplePercent: number;
  readonly #clock: WallClock;
  readonly #ids = new TraceIds();
  readonly #onEnd: (span: Span) => void;

  constructor(exporter: SpanExporter, samplePercent: number, clock: WallClock) {
    this.#exporter = exporter;
    this.#samplePercent = samplePercent;
    this.#clock = clock;
    this.#onEnd = (span) => exporter.add(span);
  }

  /** The decision comes first: without it there is no span, and what goes on says so. */
  begin(exchange: Exchange, observation: Observation): void {
    const { head, trail } = exchange;
    const incoming = readContext(head.fields);
    const { parentId } = incoming;
    const traceId = incoming.traceId === '' ? this.#ids.traceId() : incoming.traceId;
    const sampled = incoming.sampled ?? isSampled(traceId, this.#samplePercent);
    if (!sampled) {
      // as it came: the span of the caller stays the one above whatever comes behind
      if (incoming.isW3C) return;
      const spanId = parentId === '' ? this.#ids.spanId() : parentId;
      return void writeContext(head.fields, incoming, { traceId, spanId, parentId: '', sampled });
    }
    const own = { traceId: ownText(traceId), parentId: ownText(parentId) };
    const outgoing = { ...own, spanId: this.#ids.spanId(), sampled };
    writeContext(head.fields, incoming, outgoing);
    trail.traceId = outgoing.traceId;
    exchange.onFinish(new OpenSpan(outgoing, observation, this.#clock.at(trail.startedMs), this.#onEnd));
  }

  flush(withinMs: number): Promise<void> {
    return this.#exporter.flush(withinMs);
  }

  close(withinMs: number): Promise<void> {
    return this.#exporter.close(withinMs);
  }
}

function resourceOf({ workload, proxyId, listeners }: ProxyConfig): Attribute[] {
  const resource: Attribute[] = [
    ['service.name', workload.app],
    ['service.namespace', workload.namespace],
    ['service.instance.id', proxyId],
  ];
  if (listeners !== undefined) return resource;
  return [...resource, ['k8s.pod.name', workload.name], ['k8s.namespace.name', workload.namespace]];
}
