import { monitorEventLoopDelay } from 'node:perf_hooks';
import { METRICS } from '../../api/metrics.ts';
import type { ProxyState } from '../proxy-state.ts';

export interface ControlMetricsOptions {
  readonly state: ProxyState;
  readonly rejected: Readonly<Record<string, number>>;
  readonly streamIsUp: () => boolean;
  readonly destinationsKnown: () => number;
  readonly nowMs: () => number;
}

/** Of the sampling timer, which the samples include. Ten wake-ups a second cost an idle sidecar nothing. */
const LAG_RESOLUTION_MS = 100;
const NANOSECONDS = 1e9;

/** What is known of the sidecar itself, as Prometheus text; the data path renders the rest. */
export class ControlMetrics {
  readonly #options: ControlMetricsOptions;
  readonly #lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });

  constructor(options: ControlMetricsOptions) {
    this.#options = options;
    this.#lag.enable();
  }

  stop(): void {
    this.#lag.disable();
  }

  render(): string {
    const { state, rejected, streamIsUp, destinationsKnown, nowMs } = this.#options;
    const { identity, config } = state;
    return [
      identity &&
        gauge(METRICS.certificateExpiry, 'Seconds until the certificate expires; negative afterwards.', [
          ['', (identity.notAfterMs - nowMs()) / 1000],
        ]),
      config &&
        gauge(METRICS.configVersion, 'The configuration in force; always 1.', [
          [`{hash="${escapeLabel(config.version.hash)}"}`, 1],
        ]),
      family(
        METRICS.configRejected,
        'counter',
        'Configurations and identities that were refused; what was in force stayed.',
        Object.entries(rejected).map(([source, count]) => [`{source="${source}"}`, count]),
      ),
      gauge('weft_stream_up', 'Whether the control plane is connected.', [['', streamIsUp() ? 1 : 0]]),
      gauge('weft_destinations_known', 'Destinations followed at the moment.', [['', destinationsKnown()]]),
      gauge('process_resident_memory_bytes', 'Resident memory.', [['', process.memoryUsage.rss()]]),
      this.#renderLag(),
    ]
      .filter((text) => text !== undefined)
      .join('');
  }

  /** Since the scrape before. */
  #renderLag(): string {
    const seconds = (nanoseconds: number) =>
      Math.max(0, nanoseconds / NANOSECONDS - LAG_RESOLUTION_MS / 1000);
    const { count } = this.#lag;
    const [p50, p99] = count === 0 ? [0, 0] : [50, 99].map((p) => seconds(this.#lag.percentile(p)));
    const max = count === 0 ? 0 : seconds(this.#lag.max);
    this.#lag.reset();
    return gauge('weft_event_loop_lag_seconds', 'How late the event loop was, since the last scrape.', [
      ['{quantile="0.5"}', p50!],
      ['{quantile="0.99"}', p99!],
      ['{quantile="1"}', max],
    ]);
  }
}

type Sample = readonly [labels: string, value: number];

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  return family(name, 'gauge', help, samples);
}

/** Source: https://prometheus.io/docs/instrumenting/exposition_formats/ */
function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
