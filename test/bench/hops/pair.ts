import type { RunningProxy } from '../candidates/candidate.ts';
import { startCandidate } from '../candidates/start.ts';
import { type LoadRequest, runGoLoad, runWrk } from '../machine/load.ts';
import { medianOf } from '../report/quantile.ts';
import type { Row } from '../report/row.ts';
import { rowOf } from './cpu.ts';
import { type Bench, type Hop, type Lane, startLanes } from './hop.ts';
import { runRounds, type Sample } from './rounds.ts';

const REQUEST: LoadRequest = { path: '/1k', post: 0 };
const CONNECTIONS = 64;
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
  const server = await startCandidate(candidate, bench, { from: 'mtls', to: 'plaintext', side: 'inbound' });
  const client = await startCandidate(candidate, bench, {
    ...{ from: 'plaintext', to: 'mtls', side: 'outbound' },
    upstreamPort: server.port,
  });
  return laneOf(bench, candidate, client.port, [client, server]);
}

function laneOf(bench: Bench, name: string, port: number, proxies: readonly RunningProxy[]): Lane {
  const load = { port, connections: CONNECTIONS, request: REQUEST };
  return {
    name,
    pids: proxies.map(({ pid }) => pid),
    // at the rate of the measurement nothing would be compiled in time
    warmUp: () => runWrk(bench.dir, port, CONNECTIONS, WARM_UP_SECONDS, REQUEST),
    run: (seconds) => runGoLoad(bench.load, { mode: 'open', rate: RATE, seconds, ...load }),
    stop: async () => {
      for (const proxy of proxies) await proxy.stop();
    },
  };
}

/** Differences and ratios within each round, then their medians. */
function compare(own: readonly Sample[], direct: readonly Sample[], nginx: readonly Sample[]) {
  const median = (figure: (i: number) => number) => medianOf(own.map((_, i) => figure(i)));
  return {
    addedP50Ms: median((i) => own[i]!.p50Ms - direct[i]!.p50Ms),
    addedP99Ms: median((i) => own[i]!.p99Ms - direct[i]!.p99Ms),
    p50ToNginx: median((i) => own[i]!.p50Ms / nginx[i]!.p50Ms),
    p99ToNginx: median((i) => own[i]!.p99Ms / nginx[i]!.p99Ms),
  };
}
