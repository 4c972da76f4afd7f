import { destination, FakeState, proxyConfig } from '../../sidecar/testing/fake-state.ts';
import type { Side } from '../../sidecar/testing/pair.ts';
import { startSide } from '../../sidecar/testing/pair.ts';
import { MemoryPeak, memoryInUse } from './memory-peak.ts';
import type { Command, Report, SideOptions, Started } from './side-protocol.ts';

/**
 * One data path as a process of its own, for faults that harm a whole process: told by its first argument what to
 * listen on, and asked over the channel to its parent for what it knows of itself.
 */
const KEY = 'shop/api:80';
const LOOPBACK = '127.0.0.1';

async function start(options: SideOptions): Promise<Side> {
  const { appPort, endpoint, inboundListeners = 1 } = options;
  const state = new FakeState(options.identity);
  const app = { address: LOOPBACK, port: 0, appAddress: LOOPBACK, appPort: appPort ?? 0 };
  const config = proxyConfig('side', {
    ...(options.inbound && { inbound: options.inbound }),
    listeners: {
      inbound: appPort === undefined ? [] : Array.from({ length: inboundListeners }, () => app),
      outbound: endpoint === undefined ? [] : [{ address: LOOPBACK, port: 0, destination: KEY }],
      admin: { address: LOOPBACK, port: 1 },
    },
  });
  const side = await startSide(state, config, options.limits);
  if (endpoint !== undefined) {
    const port = endpoint.port === 'own inbound' ? portsOf(side).inbound[0]! : endpoint.port;
    const { spiffeId } = endpoint;
    const reached = { address: LOOPBACK, port, workload: 'api', namespace: 'shop' };
    state.destinations.set(
      KEY,
      destination(KEY, [spiffeId === undefined ? reached : { ...reached, spiffeId }], {
        name: 'api',
        ...(options.protocol && { protocol: options.protocol }),
      }),
    );
  }
  return side;
}

function portsOf({ path }: Side): Started {
  const of = (wanted: 'inbound' | 'outbound') =>
    path
      .addresses()
      .filter(({ direction }) => direction === wanted)
      .map(({ port }) => port);
  return { inbound: of('inbound'), outbound: of('outbound') };
}

function report({ path }: Side, peak: MemoryPeak): Report {
  return {
    metrics: path.renderMetrics(),
    connections: path.connections(),
    heldBytes: memoryInUse(),
    peakBytes: peak.take(),
  };
}

/** Holds the loop, as a long garbage collection or a stalled disk would. */
function block(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

const side = await start(JSON.parse(process.argv[2]!) as SideOptions);
// nobody reads the log, and a long run would take its growth for the data path's
side.log.push = () => 0;
const peak = new MemoryPeak();
process.on('message', ({ id, what, value }: Command) => {
  const answer = (result: unknown) => process.send?.({ id, result });
  if (what === 'report') return answer(report(side, peak));
  if (what === 'collect') return answer(void globalThis.gc?.());
  if (what === 'jump')
    return answer(void (globalThis as { jumpClock?: (ms: number) => void }).jumpClock?.(value));
  answer(undefined);
  // after the answer has left; from where timers that are due come before sockets that are ready
  setTimeout(() => setImmediate(block, value), 20);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0, result: portsOf(side) });
