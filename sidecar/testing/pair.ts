import { Writable } from 'node:stream';
import type { Destination } from '../../api/destination.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { createDataPath, type DataPath } from '../data-path.ts';
import type { Limits } from '../limits.ts';
import { createLog } from '../log.ts';
import { TestAuthority } from './certificates.ts';
import { destination, FakeState, proxyConfig } from './fake-state.ts';

export const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
export const API = 'spiffe://cluster.local/ns/shop/sa/api';
const KEY = 'shop/api:80';

export interface PairOptions {
  /** where the app of the server side listens */
  readonly appPort: number;
  readonly inbound?: ProxyConfig['inbound'];
  readonly destination?: Partial<Destination>;
  /** between the two data paths: a relay's port, given the inbound port */
  readonly via?: (inboundPort: () => number) => Promise<number>;
  readonly limits?: Partial<Limits>;
}

/** One running data path with its state and what it logged. */
export interface Side {
  readonly state: FakeState;
  readonly path: DataPath;
  readonly log: string[];
  /** what it said of itself, without the times */
  readonly said: Record<string, unknown>[];
}

export async function startSide(
  state: FakeState,
  config: ProxyConfig,
  limits: Partial<Limits> = {},
  random = () => 0,
): Promise<Side> {
  const log: string[] = [];
  const said: Record<string, unknown>[] = [];
  const accessLog = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk));
      done();
    },
  });
  state.config = config;
  const path = createDataPath({
    state,
    log: createLog({ level: 'info', write: (line) => said.push(withoutTime(line)) }),
    accessLog,
    limits: { ...TEST_LIMITS, ...limits },
    random,
  });
  await path.start(config);
  return { state, path, log, said };
}

function withoutTime(line: string): Record<string, unknown> {
  const { time: _time, ...said } = JSON.parse(line) as Record<string, unknown>;
  return said;
}

/** Short where a test waits for them to pass. */
const TEST_LIMITS: Partial<Limits> = {
  serverFirstWaitMs: 100,
  speculationDelayMs: 5,
  lingerMs: 100,
  drainTimeoutMs: 2_000,
};

/** Two data paths back to back on loopback: web calls api. Without Kubernetes, so with explicit listeners. */
export class Pair {
  readonly web: Side;
  readonly api: Side;
  readonly authority: TestAuthority;

  private constructor(web: Side, api: Side, authority: TestAuthority) {
    this.web = web;
    this.api = api;
    this.authority = authority;
  }

  static async start(options: PairOptions): Promise<Pair> {
    const authority = await TestAuthority.create();
    const apiState = new FakeState(await authority.workload(API));
    const app = { appAddress: '127.0.0.1', appPort: options.appPort };
    const apiConfig = proxyConfig('api', {
      ...(options.inbound && { inbound: options.inbound }),
      listeners: { inbound: [{ address: '127.0.0.1', port: 0, ...app }], outbound: [], admin: ADMIN },
    });
    const api = await startSide(apiState, apiConfig, options.limits);
    const inboundPort = api.path.addresses()[0]!.port;

    const webState = new FakeState(await authority.workload(WEB));
    const port = options.via ? await options.via(() => inboundPort) : inboundPort;
    const endpoint = { address: '127.0.0.1', port, spiffeId: API, workload: 'api', namespace: 'shop' };
    webState.destinations.set(KEY, destination(KEY, [endpoint], { name: 'api', ...options.destination }));
    const webConfig = proxyConfig('web', {
      listeners: {
        inbound: [],
        outbound: [{ address: '127.0.0.1', port: 0, destination: KEY }],
        admin: ADMIN,
      },
    });
    const web = await startSide(webState, webConfig, options.limits);
    return new Pair(web, api, authority);
  }

  /** what the client app dials */
  get port(): number {
    return this.web.path.addresses()[0]!.port;
  }
  /** what the network dials */
  get inboundPort(): number {
    return this.api.path.addresses()[0]!.port;
  }

  async stop(): Promise<void> {
    await Promise.all([this.web.path.stop(), this.api.path.stop()]);
  }
}

const ADMIN = { address: '127.0.0.1', port: 1 };
