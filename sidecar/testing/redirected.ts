import { Connections } from '../connections.ts';
import type { Context } from '../context.ts';
import { PoolSet } from '../http1/pool.ts';
import { RequestIds } from '../layers/request-id.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { SILENT } from '../log.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { Tracing } from '../telemetry/tracing.ts';
import { DeadPeers } from '../transport/dead-peers.ts';
import { MtlsClient } from '../transport/mtls-client.ts';
import { MtlsServer } from '../transport/mtls-server.ts';
import type { SocketAddress } from '../transport/socket-address.ts';
import { TimerWheel } from '../transport/timers.ts';
import { TlsClient } from '../transport/tls-client.ts';
import type { FakeState } from './fake-state.ts';

export interface RedirectedOptions {
  /** gets the lines of the access log */
  readonly log?: string[];
  /** PEM, instead of the roots Node trusts */
  readonly trustedRoots?: string;
  readonly limits?: Partial<Limits>;
}

/** What a data path in a pod has, with an original destination and own addresses that a test says. */
export function redirectedContext(
  state: FakeState,
  original: () => SocketAddress | undefined,
  own: readonly string[],
  { log, trustedRoots, limits }: RedirectedOptions = {},
): { readonly context: Context; readonly telemetry: Telemetry } {
  const timers = new TimerWheel();
  const write = (line: unknown) => {
    log?.push(String(line));
    return true;
  };
  const telemetry = new Telemetry(new AccessLog({ write, once: () => undefined as never }));
  const all = { ...DEFAULT_LIMITS, speculationDelayMs: 5, lingerMs: 100, ...limits };
  const context: Context = {
    state,
    telemetry,
    requestIds: new RequestIds(Math.random),
    tracing: new Tracing({ telemetry, timers, random: () => 0 }),
    timers,
    log: SILENT,
    limits: all,
    connections: new Connections(),
    mtlsServer: new MtlsServer(timers),
    mtlsClient: new MtlsClient(),
    tlsClient: new TlsClient(trustedRoots),
    pools: new PoolSet(),
    deadPeers: new DeadPeers({ timers, limits: all }),
    ownAddresses: (address) => own.includes(address),
    originalDestination: () => original,
    isDraining: () => false,
    isTerminating: () => false,
    proxyId: () => 'test',
    random: () => 0,
  };
  return { context, telemetry };
}
