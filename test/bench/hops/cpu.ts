import type { CandidateName, Wiring } from '../candidates/candidate.ts';
import { startCandidate } from '../candidates/start.ts';
import { type GoLoad, type LoadRequest, type LoadResult, runGoLoad, runWrk } from '../machine/load.ts';
import { spreadOf } from '../report/quantile.ts';
import type { RatioOf, Row } from '../report/row.ts';
import { type Bench, type Lane, startLanes } from './hop.ts';
import { runRounds, type Sample } from './rounds.ts';

/** How one candidate is loaded. */
export interface Traffic {
  readonly wiring: Wiring;
  readonly request: LoadRequest;
  readonly connections: number;
  /** keep-alive, or a new connection for every request */
  readonly connect: 'once' | 'each' | 'each, resumed';
  /** of those that speak HTTP/2: requests at the same time on each connection */
  readonly h2?: { readonly streams: number; readonly grpc: boolean };
}

export const PLAINTEXT: Wiring = { from: 'plaintext', to: 'plaintext', side: 'outbound' };

export async function startLane(bench: Bench, name: CandidateName, traffic: Traffic): Promise<Lane> {
  const { pid, port, alpn, stop } = await startCandidate(name, bench, traffic.wiring);
  return { name, pids: [pid], stop, run: (seconds) => runLoad(bench, traffic, port, alpn, seconds) };
}

/** wrk where it can: it speaks neither client certificates nor ALPN. */
function runLoad(
  bench: Bench,
  { wiring, request, connections, connect, h2 }: Traffic,
  port: number,
  alpn: string,
  seconds: number,
): Promise<LoadResult> {
  if (wiring.from === 'plaintext' && connect === 'once' && wiring.speaks === undefined) {
    return runWrk(bench.dir, port, connections, seconds, request);
  }
  const { web, ca } = bench.certificates;
  const tls = { leaf: web, ca, alpn, resume: connect === 'each, resumed' };
  return runGoLoad(bench.load, {
    mode: modeOf(wiring, connect),
    ...{ port, connections, seconds, request },
    ...(h2 && { h2 }),
    ...(wiring.from === 'mtls' && { tls }),
  });
}

function modeOf({ speaks }: Wiring, connect: Traffic['connect']): GoLoad['mode'] {
  if (speaks === 'tcp') return 'stream';
  return connect === 'once' ? 'closed' : 'handshake';
}

/** What the ratio of a hop is to. */
export interface Basis {
  readonly ratioOf: RatioOf;
  /** nginx on other traffic than the hop's own, in every round */
  readonly traffic?: Traffic;
  /** whose own lane is the basis where there is no other traffic; absent: nginx */
  readonly candidate?: CandidateName;
}

/** The candidates on one hop, and nginx as the basis when its own lane is not it. */
export async function measureCpu(
  bench: Bench,
  hop: string,
  traffic: Traffic,
  basis: Basis,
  candidates: readonly CandidateName[],
): Promise<readonly Row[]> {
  const names = bench.candidates.filter((name) => candidates.includes(name));
  const { traffic: basisTraffic } = basis;
  const ownBasis = basisTraffic === undefined;
  const starts = names.map((name) => () => startLane(bench, name, traffic));
  if (!ownBasis) {
    const nginx = () => startLane(bench, 'nginx', basisTraffic);
    starts.unshift(async () => ({ ...(await nginx()), name: 'nginx plaintext' }));
  }
  const lanes = await startLanes(starts);
  const samples = await runRounds(lanes, bench);
  const basisAt = ownBasis ? names.indexOf(basis.candidate ?? 'nginx') : 0;
  const offset = ownBasis ? 0 : 1;
  return names.map((candidate, i) =>
    rowOf(hop, candidate, samples[i + offset]!, basisAt < 0 ? undefined : samples[basisAt], basis.ratioOf),
  );
}

export function rowOf(
  hop: string,
  candidate: string,
  samples: readonly Sample[],
  basis: readonly Sample[] | undefined,
  ratioOf: RatioOf,
): Row {
  const of = (what: (sample: Sample) => number) => spreadOf(samples.map(what));
  const cpu = of((sample) => sample.cpuUsPerRequest);
  const ratio = spreadOf(
    basis === undefined ? [] : samples.map((own, i) => ratioTo(ratioOf, own, basis[i]!)),
  );
  const errors = samples.reduce((sum, sample) => sum + sample.errors, 0);
  const reason = samples.find((sample) => sample.reason !== undefined)?.reason;
  return {
    hop,
    candidate,
    cpuUsPerRequest: cpu.median,
    ...(basis !== undefined && { ratio: ratio.median, ratioSpread: ratio }),
    // bytes without end have no latency
    ...(samples.some(({ p50Ms }) => p50Ms > 0) && {
      p50Ms: of((sample) => sample.p50Ms).median,
      p99Ms: of((sample) => sample.p99Ms).median,
    }),
    rssMb: of((sample) => sample.memory.rssMb).median,
    pssMb: of((sample) => sample.memory.pssMb).median,
    ratioOf,
    cpuSpread: cpu,
    errors,
    ...(reason !== undefined && { reason }),
  };
}

/** The same bytes a request: bytes per CPU second are in the inverse ratio of CPU per request. */
function ratioTo(ratioOf: RatioOf, own: Sample, basis: Sample): number {
  const ratio = own.cpuUsPerRequest / basis.cpuUsPerRequest;
  return ratioOf.startsWith('bytes') ? 1 / ratio : ratio;
}
