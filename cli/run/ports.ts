import { createServer } from 'node:net';
import type { WorkloadDocument } from '../../api/workload.ts';
import { UsageError } from '../usage-error.ts';

interface WantedPort {
  readonly address: string;
  readonly port: number;
  /** who wants it, in words */
  readonly owner: string;
}

/** Every port the folder needs is asked for once and free now: said at the start, not found out one by one. */
export async function checkPorts(workloads: readonly WorkloadDocument[]): Promise<void> {
  const wanted = workloads.flatMap(portsOf);
  const twice = firstTwice(wanted);
  if (twice !== undefined)
    throw new UsageError(`port ${twice[0].port} is wanted by ${twice[0].owner} and by ${twice[1].owner}`);
  for (const want of wanted) {
    if (await isFree(want)) continue;
    throw new UsageError(
      `port ${want.port} (${want.owner}) is in use by another process`,
      `end that process (ss -ltnp 'sport = :${want.port}' names it), or change the port in the folder`,
    );
  }
}

function portsOf({ metadata, spec }: WorkloadDocument): WantedPort[] {
  const address = spec.address ?? '127.0.0.1';
  const want = (port: number, what: string) => ({
    address,
    port,
    owner: `${what} of ${metadata.namespace}/${metadata.name}`,
  });
  const inbound = (spec.ports ?? []).flatMap(({ port, appPort }) => [
    want(port, 'the inbound port'),
    ...(spec.app === undefined ? [] : [want(appPort, 'the app')]),
  ]);
  const outbound = (spec.outbound ?? []).map(({ port, service }) =>
    want(port, `the outbound port for ${service}`),
  );
  return [...inbound, ...outbound, want(spec.admin.port, 'the admin port')];
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
