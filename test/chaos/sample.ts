// Runs inside the node, where the processes of pods and their addresses can be seen: prints samples as JSON.
import { readdirSync, readFileSync } from 'node:fs';
import { METRICS } from '../../api/metrics.ts';

/** Sums of weft_requests_total. */
export interface Requests {
  readonly inboundGood: number;
  readonly inbound: number;
  readonly outboundGood: number;
  readonly outbound: number;
}

/** One process of the mesh. */
export interface ProcessSample {
  readonly role: string;
  readonly namespace: string;
  readonly pod: string;
  /** of the node; with `startedTicks` no two are the same */
  readonly pid: number;
  readonly startedTicks: number;
  readonly rssKib: number;
  /** of sidecars that answered */
  readonly requests?: Requests;
}

const ROLES = ['sidecar', 'operator', 'injector'];

/** Sums of a Prometheus text. */
export function requestsOf(text: string): Requests {
  const sums = { inboundGood: 0, inbound: 0, outboundGood: 0, outbound: 0 };
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${METRICS.requests}{`)) continue;
    const count = Number(line.slice(line.lastIndexOf(' ') + 1));
    const direction = line.includes('direction="inbound"') ? 'inbound' : 'outbound';
    sums[direction] += count;
    if (line.includes('status_class="2xx"')) sums[`${direction}Good`] += count;
  }
  return sums;
}

function processOf(pid: string): (ProcessSample & { address: string }) | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    const role = command.split('\0')[2] ?? '';
    if (!command.includes('/weft.js') || !ROLES.includes(role)) return undefined;
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const of = (name: string) =>
      variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return {
      ...{ role, namespace: of('WEFT_POD_NAMESPACE') ?? '', pod: of('HOSTNAME') ?? '', pid: Number(pid) },
      // after the name, which may hold anything: the 22nd field
      startedTicks: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]),
      rssKib: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0),
      address: of('WEFT_POD_IP') ?? '',
    };
  } catch {
    return undefined; // It has ended.
  }
}

async function scraped(address: string): Promise<Requests | undefined> {
  try {
    const url = `http://${address}:15020/metrics`;
    return requestsOf(await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text());
  } catch {
    return undefined; // It starts, or ends, or nothing comes through to it.
  }
}

async function main(): Promise<void> {
  const found = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (processOf(name) ?? []) : []));
  const samples = await Promise.all(
    found.map(async ({ address, ...sample }): Promise<ProcessSample> => {
      const requests = sample.role === 'sidecar' ? await scraped(address) : undefined;
      return { ...sample, ...(requests === undefined ? {} : { requests }) };
    }),
  );
  console.log(JSON.stringify(samples));
}

if (import.meta.main) await main();
