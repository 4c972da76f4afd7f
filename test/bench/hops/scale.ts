import type { RunningProxy } from '../candidates/candidate.ts';
import { startNginx } from '../candidates/nginx.ts';
import { startWeft, type WeftOptions } from '../candidates/weft.ts';
import { addresses, destination, SMALL } from '../candidates/weft-documents.ts';
import { runWrk, SMALL_REQUEST } from '../machine/load.ts';
import { medianOf } from '../report/quantile.ts';
import type { Row } from '../report/row.ts';
import { PLAINTEXT, rowOf } from './cpu.ts';
import { type Bench, type Hop, type Lane, startLanes } from './hop.ts';
import { runRounds, type Sample } from './rounds.ts';

const CONNECTIONS = 32;
const ENDPOINTS_EACH = 10;
/** So that every endpoint of ten thousand has had its first connection. */
const WARM_UP_SECONDS = 8;

type Start = () => Promise<Lane>;
/** Lanes of the same proxy, the smallest first. */
type Family = (bench: Bench, count: number) => Start;

const nginx: Family = (bench) => async () => laneOf(bench, 'nginx', await startNginx(bench, PLAINTEXT));
const nginxOf: Family = (bench, count) => async () =>
  laneOf(bench, `nginx, ${count} endpoints`, await startNginx(bench, PLAINTEXT, addresses(count)));
const weft =
  (unit: string, optionsOf: (bench: Bench, count: number) => WeftOptions): Family =>
  (bench, count) =>
  async () =>
    laneOf(bench, `weft, ${count} ${unit}`, await startWeft(bench, PLAINTEXT, optionsOf(bench, count)));

const ENDPOINTS = [10, 1_000, 10_000];
const ROUTES = [1, 100, 1_000];

/** What a request costs when the sidecar knows more: it should not matter. */
export const SCALE_HOPS: readonly Hop[] = [
  scaleHop(
    'scale-endpoints',
    '10, 1,000 and 10,000 endpoints known, ten to a destination, requests to one of them',
    ENDPOINTS,
    weft('endpoints', ({ upstream }, count) => ({
      scale: { ...SMALL, endpoints: ENDPOINTS_EACH },
      others: otherDestinations(upstream.plainPort, count / ENDPOINTS_EACH - 1),
    })),
  ),
  scaleHop(
    'scale-one-destination',
    '10, 1,000 and 10,000 endpoints of one destination, each with connections of its own; nginx likewise',
    ENDPOINTS,
    weft('endpoints', (_bench, count) => ({ scale: { ...SMALL, endpoints: count } })),
    nginxOf,
  ),
  scaleHop(
    'scale-routes',
    '1, 100 and 1,000 routes; the last one takes the requests',
    ROUTES,
    weft('routes', (_bench, count) => ({ scale: { ...SMALL, routes: count } })),
  ),
];

function otherDestinations(port: number, count: number) {
  return Array.from({ length: count }, (_, i) =>
    destination(port, undefined, { ...SMALL, endpoints: ENDPOINTS_EACH }, `shop/other-${i}:80`),
  );
}

function scaleHop(name: string, what: string, counts: readonly number[], own: Family, others?: Family): Hop {
  const measure = async (bench: Bench) => {
    const basis = others === undefined ? [nginx(bench, 1)] : counts.map((count) => others(bench, count));
    const lanes = await startLanes([...basis, ...counts.map((count) => own(bench, count))]);
    const samples = await runRounds(lanes, bench);
    return lanes.map((lane, i) => {
      const smallest = i < basis.length ? 0 : basis.length;
      return scaleRow(name, lane.name, samples[i]!, samples[0]!, samples[smallest]!);
    });
  };
  return { name, what, measure };
}

function scaleRow(
  hop: string,
  candidate: string,
  own: readonly Sample[],
  nginxSamples: readonly Sample[],
  smallest: readonly Sample[],
): Row {
  const row = rowOf(hop, candidate, own, nginxSamples, 'CPU per request, to nginx plaintext');
  if (candidate === 'nginx') return row;
  const ratios = own.map(({ cpuUsPerRequest }, round) => cpuUsPerRequest / smallest[round]!.cpuUsPerRequest);
  return { ...row, more: { ratioToSmallest: medianOf(ratios) } };
}

function laneOf(bench: Bench, name: string, { pid, port, stop }: RunningProxy): Lane {
  const run = (seconds: number) => runWrk(bench.dir, port, CONNECTIONS, seconds, SMALL_REQUEST);
  return { name, pids: [pid], stop, run, warmUp: () => run(WARM_UP_SECONDS) };
}
