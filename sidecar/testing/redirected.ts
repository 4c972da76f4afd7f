import { Connections } from '../connections.ts';
import type { Context } from '../context.ts';
import { PoolSet } from '../http1/pool.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { SILENT } from '../log.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { MtlsClient } from '../transport/mtls-client.ts';
import { MtlsServer } from '../transport/mtls-server.ts';
import type { SocketAddress } from '../transport/socket-address.ts';
import { TimerWheel } from '../transport/timers.ts';
import type { FakeState } from './fake-state.ts';

/** What a data path in a pod has, with an original destination and own addresses that a test says. */
export function redirectedContext(
  state: FakeState,
  original: () => SocketAddress | undefined,
  own: readonly string[],
): { readonly context: Context; readonly telemetry: Telemetry } {
  const timers = new TimerWheel();
  const telemetry = new Telemetry(new AccessLog({ write: () => true, once: () => undefined as never }));
  const context: Context = {
    state,
    telemetry,
    timers,
    log: SILENT,
    limits: { ...DEFAULT_LIMITS, speculationDelayMs: 5, lingerMs: 100 },
    connections: new Connections(),
    mtlsServer: new MtlsServer(timers),
    mtlsClient: new MtlsClient(),
    pools: new PoolSet(),
    ownAddresses: (address) => own.includes(address),
    originalDestination: () => original,
    isDraining: () => false,
    proxyId: () => 'test',
    random: () => 0,
  };
  return { context, telemetry };
}
