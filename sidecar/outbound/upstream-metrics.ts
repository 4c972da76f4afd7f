import { METRICS } from '../../api/metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Backend } from './backend.ts';
import type { Upstream } from './upstream.ts';
import type { Upstreams } from './upstreams.ts';

type Sample = [labels: string[], value: number];

/** What is known of destinations in use, asked for at each scrape. Keys of one service are counted together. */
export function registerUpstreamMetrics(telemetry: Telemetry, upstreams: Upstreams): void {
  telemetry.registerGauge(
    METRICS.circuitBreakerOpen,
    'Whether a limit of the destination refuses at the moment.',
    ['service', 'destination_namespace'],
    () =>
      perService(
        upstreams,
        (upstream) => ([...upstream.backends()].some(({ isOpen }) => isOpen) ? 1 : 0),
        Math.max,
      ),
  );
  telemetry.registerGauge(
    METRICS.endpoints,
    'Endpoints known, by state.',
    ['service', 'destination_namespace', 'state'],
    () =>
      STATES.flatMap((state) =>
        perService(upstreams, (upstream) => totalOf(upstream, (backend) => countOf(backend, state)), sum).map(
          ([labels, value]): Sample => [[...labels, state], value],
        ),
      ),
  );
  telemetry.registerCounter(
    METRICS.ejections,
    'Endpoints ejected by outlier detection.',
    ['service', 'destination_namespace'],
    () => perService(upstreams, (upstream) => totalOf(upstream, ({ outliers }) => outliers.ejections), sum),
  );
}

const STATES = ['available', 'ejected', 'unhealthy'] as const;

function totalOf(upstream: Upstream, value: (backend: Backend) => number): number {
  let total = 0;
  for (const backend of upstream.backends()) total += value(backend);
  return total;
}

function countOf({ hosts }: Backend, state: (typeof STATES)[number]): number {
  let count = 0;
  for (const host of hosts.hosts) {
    const is = !host.healthy ? 'unhealthy' : host.isEjected ? 'ejected' : 'available';
    if (is === state) count += 1;
  }
  return count;
}

function sum(a: number, b: number): number {
  return a + b;
}

function perService(
  upstreams: Upstreams,
  value: (upstream: Upstream) => number,
  join: (a: number, b: number) => number,
): Sample[] {
  const values = new Map<string, Sample>();
  for (const upstream of upstreams.list()) {
    const { name, namespace } = upstream.destination;
    const key = `${namespace}/${name}`;
    const known = values.get(key);
    const own = value(upstream);
    values.set(key, [[name, namespace], known === undefined ? own : join(known[1], own)]);
  }
  return [...values.values()];
}
