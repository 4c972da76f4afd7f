import { METRICS } from '../../api/metrics.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { loadTracing } from '../optional/load.ts';
import type { Tracer } from '../tracing/tracer.ts';
import type { Timers } from '../transport/timers.ts';
import type { SpanCounts } from './span-counts.ts';
import type { Telemetry } from './telemetry.ts';

/** A replaced collector gets what is left for it within this time. */
const LEAVE_MS = 5_000;

export interface TracingOptions {
  readonly telemetry: Telemetry;
  readonly timers: Timers;
  readonly random: () => number;
  readonly wallMs?: () => number;
}

/** Whether and where requests are traced. As long as no policy asks for it, none of its code is loaded. */
export class Tracing {
  readonly #options: TracingOptions;
  #counts: SpanCounts | undefined = undefined;
  #settings = '';
  /** undefined: tracing is off */
  tracer: Tracer | undefined = undefined;

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  /** Throws, and changes nothing, when no spans can be sent to the endpoint. */
  prepare(config: ProxyConfig): () => void {
    const settings = settingsOf(config);
    if (settings === this.#settings) return () => {};
    const tracer = settings === '' ? undefined : this.#create(config);
    return () => {
      // a configuration in between may have brought the same
      void this.tracer?.close(LEAVE_MS);
      this.tracer = tracer;
      this.#settings = settings;
    };
  }

  #create(config: ProxyConfig): Tracer | undefined {
    const { timers, random, wallMs = Date.now } = this.#options;
    this.#counts ??= this.#register();
    return loadTracing().createTracer({ config, counts: this.#counts, timers, random, wallMs });
  }

  /** Sidecars that never trace do not show what they would count. */
  #register(): SpanCounts {
    const counts: SpanCounts = { exported: 0, dropped: { 'queue-full': 0, refused: 0, unreachable: 0 } };
    const { telemetry } = this.#options;
    telemetry.registerCounter(METRICS.spansExported, 'Spans the collector took.', [], () => [
      [[], counts.exported],
    ]);
    telemetry.registerCounter(METRICS.spansDropped, 'Spans that came to no collector.', ['reason'], () =>
      Object.entries(counts.dropped).map(([reason, value]) => [[reason], value]),
    );
    return counts;
  }

  /** Sends what is left, for so long at most. */
  async flush(withinMs: number): Promise<void> {
    await this.tracer?.flush(withinMs);
  }

  async close(withinMs: number): Promise<void> {
    await this.tracer?.close(withinMs);
  }
}

/** All that a tracer is made of; empty: tracing is off. */
function settingsOf({ telemetry, proxyId, workload, listeners }: ProxyConfig): string {
  if (telemetry?.tracing === undefined) return '';
  return JSON.stringify([telemetry.tracing, proxyId, workload, listeners !== undefined]);
}
