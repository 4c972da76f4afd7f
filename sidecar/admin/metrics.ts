import { METRICS } from '../../api/metrics.ts';
import type { ProxyState } from '../proxy-state.ts';
import { type Collect, Collected } from '../telemetry/collected.ts';
import { EventLoopWatch } from '../telemetry/event-loop.ts';
import { type Family, slices } from '../telemetry/prometheus.ts';

export interface ControlMetricsOptions {
  readonly state: ProxyState;
  readonly rejected: Readonly<Record<string, number>>;
  readonly streamIsUp: () => boolean;
  readonly destinationsKnown: () => number;
  readonly nowMs: () => number;
}

/** What is known of the sidecar itself, as Prometheus text; the data path renders the rest. */
export class ControlMetrics {
  readonly #options: ControlMetricsOptions;
  readonly #loop = new EventLoopWatch();

  constructor(options: ControlMetricsOptions) {
    this.#options = options;
    this.#loop.start();
  }

  stop(): void {
    this.#loop.stop();
  }

  families(): readonly Family[] {
    const { state, rejected, streamIsUp, destinationsKnown, nowMs } = this.#options;
    const { identity, config } = state;
    const identities = identity === undefined ? [] : [identity];
    const configs = config === undefined ? [] : [config];
    return [
      new Collected(
        METRICS.certificateExpiry,
        'Seconds until the certificate expires; negative afterwards.',
        'gauge',
        [],
        () => identities.map(({ notAfterMs }) => [[], (notAfterMs - nowMs()) / 1000]),
      ),
      new Collected(METRICS.configVersion, 'The configuration in force; always 1.', 'gauge', ['hash'], () =>
        configs.map(({ version }) => [[version.hash], 1]),
      ),
      new Collected(
        METRICS.configRejected,
        'Configurations and identities that were refused; what was in force stayed.',
        'counter',
        ['source'],
        () => Object.entries(rejected).map(([source, count]) => [[source], count]),
      ),
      gauge(METRICS.streamUp, 'Whether the control plane is connected.', () => (streamIsUp() ? 1 : 0)),
      gauge(METRICS.destinationsKnown, 'Destinations followed at the moment.', destinationsKnown),
      gauge(METRICS.residentMemory, 'Resident memory.', () => process.memoryUsage.rss()),
      ...this.#loop.families(),
    ];
  }

  slices(): Iterable<string> {
    return slices(this.families());
  }

  render(): string {
    return [...this.slices()].join('');
  }
}

function gauge(name: Collected['name'], help: string, value: () => number): Family {
  const collect: Collect = () => [[[], value()]];
  return new Collected(name, help, 'gauge', [], collect);
}
