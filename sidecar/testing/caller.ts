import type { Backend, Destination, Endpoint } from '../../api/destination.ts';
import type { DestinationTraffic } from '../../api/destination-traffic.ts';
import { seededRandom } from '../balancers/seeded-random.fixture.ts';
import type { Limits } from '../limits.ts';
import type { Identity } from '../proxy-state.ts';
import { destination, FakeState, proxyConfig } from './fake-state.ts';
import { toClose } from './harness.ts';
import { type Side, startSide } from './pair.ts';
import type { TestServer } from './wire.ts';

const KEY = 'shop/api:80';

export interface CallerOptions {
  readonly traffic?: DestinationTraffic;
  readonly protocol?: Destination['protocol'];
  readonly limits?: Partial<Limits>;
  readonly zone?: string;
  /** needed for endpoints that have one */
  readonly identity?: Identity;
  /** of each server's endpoint, in their order */
  readonly endpoints?: readonly Partial<Endpoint>[];
  /** what routes lead to besides, each one server or none */
  readonly backends?: readonly BackendServers[];
}

/** A backend of the destination, and the traffic policy of its own. */
export interface BackendServers {
  readonly name: string;
  readonly servers: readonly TestServer[];
  readonly traffic?: Backend['traffic'];
}

/** A data path that only calls: its destination is plaintext test servers, one endpoint each. */
export class Caller {
  readonly side: Side;
  readonly #protocol: Destination['protocol'];
  #endpoints: readonly Endpoint[];
  #traffic: DestinationTraffic | undefined;
  #backends: readonly BackendServers[];

  private constructor(side: Side, endpoints: readonly Endpoint[], options: CallerOptions) {
    this.side = side;
    this.#endpoints = endpoints;
    this.#traffic = options.traffic;
    this.#protocol = options.protocol;
    this.#backends = options.backends ?? [];
  }

  /** The servers end with the test file. */
  static async start(servers: readonly TestServer[], options: CallerOptions = {}): Promise<Caller> {
    const state = new FakeState(options.identity);
    const config = proxyConfig('web', {
      listeners: {
        inbound: [],
        outbound: [{ address: '127.0.0.1', port: 0, destination: KEY }],
        admin: { address: '127.0.0.1', port: 1 },
      },
    });
    if (options.zone !== undefined) config.workload.zone = options.zone;
    const endpoints = servers.map(({ port }, index) => endpoint(port, options.endpoints?.[index]));
    const side = await startSide(state, config, options.limits, seededRandom(7));
    const caller = new Caller(side, endpoints, options);
    caller.#publish();
    const behind = (options.backends ?? []).flatMap((backend) => backend.servers);
    toClose.push(...[...servers, ...behind].map(({ close }) => close), () => side.path.stop());
    return caller;
  }

  get port(): number {
    return this.side.path.addresses()[0]!.port;
  }

  setTraffic(traffic: DestinationTraffic | undefined): void {
    this.#traffic = traffic;
    this.#publish();
  }
  setBackends(backends: readonly BackendServers[]): void {
    this.#backends = backends;
    toClose.push(...backends.flatMap(({ servers }) => servers.map(({ close }) => close)));
    this.#publish();
  }
  setEndpoints(ports: readonly number[]): void {
    this.#endpoints = ports.map((port) => endpoint(port));
    this.#publish();
  }
  /** The destination is not subscribed to any more. */
  forget(): void {
    this.side.state.destinations.set(KEY, null);
  }

  #publish(): void {
    const more = {
      name: 'api',
      ...(this.#protocol && { protocol: this.#protocol }),
      ...(this.#traffic && { traffic: this.#traffic }),
      ...(this.#backends.length > 0 && { backends: this.#backends.map(backendOf) }),
    };
    this.side.state.destinations.set(KEY, destination(KEY, this.#endpoints, more));
  }

  /** Sum of the samples of a metric whose labels contain all of `labels`; 0 when there are none. */
  metric(name: string, ...labels: string[]): number {
    let sum = 0;
    for (const line of this.side.path.renderMetrics().split('\n')) {
      const [, series, value] = /^(\S+?\{.*\}|\w+) (\S+)$/.exec(line) ?? [];
      if (series === undefined || series.replace(/\{.*/, '') !== name) continue;
      if (labels.every((label) => series.includes(label))) sum += Number(value);
    }
    return sum;
  }

  /** Lines of the access log. */
  log(): Record<string, unknown>[] {
    return this.side.log.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

function backendOf({ name, servers, traffic }: BackendServers): Backend {
  const endpoints = servers.map(({ port }) => endpoint(port, { workload: name }));
  return { name, service: name, namespace: 'shop', endpoints, ...(traffic && { traffic }) };
}

function endpoint(port: number, more: Partial<Endpoint> = {}): Endpoint {
  return { address: '127.0.0.1', port, workload: 'api', namespace: 'shop', ...more };
}
