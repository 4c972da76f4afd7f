import { createServer } from 'node:net';
import { APP_ADDRESS, type WorkloadDocument } from '../../api/workload.ts';
import { UsageError } from '../usage-error.ts';
import { addressOf, keyOf } from './workload-place.ts';

interface WantedPort {
  readonly address: string;
  readonly port: number;
  /** who wants it, in words */
  readonly owner: string;
  readonly workload: WorkloadDocument;
  readonly isOfSidecar: boolean;
}

/** Every port the folder needs is asked for once and free now: said at the start, not found out one by one. */
export async function checkPorts(workloads: readonly WorkloadDocument[]): Promise<void> {
  const wanted = workloads.flatMap(portsOf);
  const twice = firstTwice(wanted);
  if (twice !== undefined) {
    const [first, second] = twice;
    throw new UsageError(
      `port ${first.port} of ${first.address} is wanted by ${first.owner} and by ${second.owner}`,
      wayOut(first, second),
    );
  }
  for (const want of wanted) {
    if (await isFree(want)) continue;
    throw new UsageError(
      `port ${want.port} (${want.owner}) is in use on ${want.address} by another process`,
      `end that process (ss -ltnp 'sport = :${want.port}' names it), or change the port in the folder`,
    );
  }
}

function portsOf(workload: WorkloadDocument): WantedPort[] {
  const { spec } = workload;
  const at = (address: string, isOfSidecar: boolean) => (port: number, what: string) => ({
    address,
    port,
    owner: `${what} of ${keyOf(workload)}`,
    workload,
    isOfSidecar,
  });
  const ofSidecar = at(addressOf(workload), true);
  const ofApp = at(APP_ADDRESS, false);
  const inbound = (spec.ports ?? []).flatMap(({ port, appPort }) => [
    ofSidecar(port, 'the inbound port'),
    ...(spec.app === undefined ? [] : [ofApp(appPort, 'the app')]),
  ]);
  const outbound = (spec.outbound ?? []).map(({ port, service }) =>
    ofApp(port, `the outbound port for ${service}`),
  );
  return [...inbound, ...outbound, ofSidecar(spec.admin.port, 'the admin port')];
}

function firstTwice(wanted: readonly WantedPort[]): [WantedPort, WantedPort] | undefined {
  const seen = new Map<string, WantedPort>();
  for (const want of wanted) {
    const key = `${want.address} ${want.port}`;
    const other = seen.get(key);
    if (other !== undefined) return [other, want];
    seen.set(key, want);
  }
  return undefined;
}

/** Sidecars can move to an address of their own; apps and outbound ports are all on one. */
function wayOut(...both: [WantedPort, WantedPort]): string {
  const movable = both.toReversed().find(({ isOfSidecar }) => isOfSidecar);
  if (movable === undefined || both[0].workload === both[1].workload) {
    return 'give one of them another port';
  }
  return `give ${keyOf(movable.workload)} an address of its own (spec.address: 127.0.0.2: its sidecar listens there, its app stays on ${APP_ADDRESS}), or one of them another port`;
}

function isFree({ address, port }: WantedPort): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(new UsageError(`${address}:${port} cannot be listened on: ${error.message}`));
    });
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}
