import type { Connections } from './connections.ts';
import type { PoolSet } from './http1/pool.ts';
import type { RequestIds } from './layers/request-id.ts';
import type { Limits } from './limits.ts';
import type { Log } from './log.ts';
import type { ProxyState } from './proxy-state.ts';
import type { Telemetry } from './telemetry/telemetry.ts';
import type { Tracing } from './telemetry/tracing.ts';
import type { DeadPeers } from './transport/dead-peers.ts';
import type { MtlsClient } from './transport/mtls-client.ts';
import type { MtlsServer } from './transport/mtls-server.ts';
import type { OriginalDestination } from './transport/original-destination.ts';
import type { OwnAddresses } from './transport/own-addresses.ts';
import type { Timers } from './transport/timers.ts';
import type { TlsClient } from './transport/tls-client.ts';

/** What inbound and outbound share. */
export interface Context {
  readonly state: ProxyState;
  readonly limits: Limits;
  readonly timers: Timers;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly requestIds: RequestIds;
  readonly tracing: Tracing;
  readonly connections: Connections;
  readonly mtlsServer: MtlsServer;
  readonly mtlsClient: MtlsClient;
  /** to servers outside the mesh */
  readonly tlsClient: TlsClient;
  readonly pools: PoolSet;
  readonly deadPeers: DeadPeers;
  readonly ownAddresses: OwnAddresses;
  /** undefined: listeners are explicit and nothing is redirected */
  readonly originalDestination: () => OriginalDestination | undefined;
  readonly isDraining: () => boolean;
  /** the pod was told to end, and still serves: connections of callers outside the mesh end after what they carry */
  readonly isTerminating: () => boolean;
  /** the proxy's own id; empty before there is a configuration */
  readonly proxyId: () => string;
  /** in [0, 1) */
  readonly random: () => number;
}
