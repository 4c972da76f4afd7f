import type { CandidateName, RunningProxy, Speech, Wiring } from '../candidates/candidate.ts';
import { startCandidate } from '../candidates/start.ts';
import { type LoadRequest, runGoLoad, runWrk } from '../machine/load.ts';
import { medianOf } from '../report/quantile.ts';
import type { Row } from '../report/row.ts';
import { rowOf } from './cpu.ts';
import { type Bench, type Hop, type Lane, startLanes } from './hop.ts';
import { runRounds, type Sample } from './rounds.ts';

const REQUEST: LoadRequest = { path: '/1k', post: 0 };
const CONNECTIONS = 64;
const GRPC_CONNECTIONS = 4;
const NO_RATIO = 'CPU per request, to nginx on this hop';
const RATE = 1_000;
/** So that p99 is not a handful of requests. */
const MIN_SECONDS = 5;
const WARM_UP_SECONDS = 3;

/** What two sidecars add to a request, beside what two nginx add. */
export const PAIR_HOP: Hop = {
  name: 'pair',
  what: 'two proxies with mTLS between them, 1 KiB back, 1,000 requests a second on 64 connections, open loop',
  measure: measurePair,
};

/** What two sidecars add to a gRPC call. nginx balances no HTTP/2 between proxies, so there is none beside. */
export const GRPC_PAIR_HOP: Hop = {
  name: 'h2-grpc-pair',
  what: 'unary gRPC through two proxies with mTLS between them, 1,000 calls a second on 4 connections, open loop',
  measure: measureGrpcPair,
};

async function measureGrpcPair(bench: Bench): Promise<readonly Row[]> {
  const { upstream, seconds } = bench;
  const lanes = await startLanes([
    async () => grpcLaneOf(bench, 'direct', upstream.h2.plaintext, []),
    async () => {
      const pair = await startProxies(bench, 'weft', 'h2');
      return grpcLaneOf(bench, 'weft', pair[0]!.port, pair);
    },
  ]);
  const samples = await runRounds(lanes, { ...bench, seconds: Math.max(seconds, MIN_SECONDS) });
  const [direct, weft] = samples as [Sample[], Sample[]];
  const rows = samples.map((each, i) => rowOf('h2-grpc-pair', lanes[i]!.name, each, undefined, NO_RATIO));
  const { hop, candidate, p50Ms, p99Ms } = rows[0]!;
  return [
    { hop, candidate, p50Ms: p50Ms!, p99Ms: p99Ms! },
    { ...rows[1]!, more: added(weft, direct) },
  ];
}

function grpcLaneOf(bench: Bench, name: string, port: number, proxies: readonly RunningProxy[]): Lane {
  const load = { port, connections: GRPC_CONNECTIONS, h2: { streams: 8, grpc: true } };
  return {
    name,
    pids: proxies.map(({ pid }) => pid),
    warmUp: () => runGoLoad(bench.load, { mode: 'closed', seconds: WARM_UP_SECONDS, ...load }),
    run: (seconds) => runGoLoad(bench.load, { mode: 'open', rate: RATE, seconds, ...load }),
    stop: () => stopAll(proxies),
  };
}

async function measurePair(bench: Bench): Promise<readonly Row[]> {
  const { upstream, seconds } = bench;
  const lanes = await startLanes([
    async () => laneOf(bench, 'direct', upstream.plainPort, []),
    () => startPair(bench, 'nginx'),
    () => startPair(bench, 'weft'),
  ]);
  const options = { ...bench, seconds: Math.max(seconds, MIN_SECONDS) };
  const samples = await runRounds(lanes, options);
  const [direct, nginx] = samples as [Sample[], Sample[]];
  return lanes.map(({ name }, i) => {
    const row = rowOf('pair', name, samples[i]!, nginx, 'CPU per request, to nginx on this hop');
    if (name !== 'direct') return { ...row, more: compare(samples[i]!, direct, nginx) };
    const { hop, candidate, p50Ms, p99Ms } = row;
    return { hop, candidate, p50Ms: p50Ms!, p99Ms: p99Ms! };
  });
}

async function startPair(bench: Bench, candidate: 'nginx' | 'weft'): Promise<Lane> {
  const proxies = await startProxies(bench, candidate);
  return laneOf(bench, candidate, proxies[0]!.port, proxies);
}

/** The one at the client first. */
async function startProxies(
  bench: Bench,
  candidate: CandidateName,
  speaks?: Speech,
): Promise<readonly RunningProxy[]> {
  const speech = speaks === undefined ? {} : { speaks };
  const inbound: Wiring = { from: 'mtls', to: 'plaintext', side: 'inbound', ...speech };
  const server = await startCandidate(candidate, bench, inbound);
  const client = await startCandidate(candidate, bench, {
    ...{ from: 'plaintext', to: 'mtls', side: 'outbound', ...speech },
    upstreamPort: server.port,
  });
  return [client, server];
}

function laneOf(bench: Bench, name: string, port: number, proxies: readonly RunningProxy[]): Lane {
  const load = { port, connections: CONNECTIONS, request: REQUEST };
  return {
    name,
    pids: proxies.map(({ pid }) => pid),
    // at the rate of the measurement nothing would be compiled in time
    warmUp: () => runWrk(bench.dir, port, CONNECTIONS, WARM_UP_SECONDS, REQUEST),
    run: (seconds) => runGoLoad(bench.load, { mode: 'open', rate: RATE, seconds, ...load }),
    stop: () => stopAll(proxies),
  };
}

async function stopAll(proxies: readonly RunningProxy[]): Promise<void> {
  for (const proxy of proxies) await proxy.stop();
}

/** Differences and ratios within each round, then their medians. */
function compare(own: readonly Sample[], direct: readonly Sample[], nginx: readonly Sample[]) {
  const median = (figure: (i: number) => number) => medianOf(own.map((_, i) => figure(i)));
  return {
    ...added(own, direct),
    p50ToNginx: median((i) => own[i]!.p50Ms / nginx[i]!.p50Ms),
    p99ToNginx: median((i) => own[i]!.p99Ms / nginx[i]!.p99Ms),
  };
}

function added(own: readonly Sample[], direct: readonly Sample[]) {
  const median = (figure: 'p50Ms' | 'p99Ms') =>
    medianOf(own.map((each, i) => each[figure] - direct[i]![figure]));
  return { addedP50Ms: median('p50Ms'), addedP99Ms: median('p99Ms') };
}
