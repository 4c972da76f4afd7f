import type { CandidateName, RunningProxy, Wiring } from '../candidates/candidate.ts';
import { startSidecar } from '../candidates/sidecar.ts';
import { startCandidate } from '../candidates/start.ts';
import { holdIdle, runGoLoad } from '../machine/load.ts';
import { type Memory, memoryOf } from '../machine/usage.ts';
import { medianOf } from '../report/quantile.ts';
import type { Row } from '../report/row.ts';
import type { Bench, Hop } from './hop.ts';

const SETTLE_MS = 5_000;
const STEADY_SECONDS = 16;
/** Memory varies less than time. */
const MAX_REPEATS = 3;
const MTLS: Wiring = { from: 'mtls', to: 'plaintext', side: 'inbound' };
const PLAINTEXT: Wiring = { ...MTLS, from: 'plaintext' };

/** Brings a fresh proxy into the state that is measured, calls `measure` there, and ends it. */
type Situation = (bench: Bench, proxy: RunningProxy, measure: () => void) => Promise<void>;

const idle: Situation = async (_bench, _proxy, measure) => {
  await sleep(SETTLE_MS);
  measure();
};

const underLoad: Situation = async (bench, proxy, measure) => {
  const { port } = proxy;
  // until what is called often is compiled
  const seconds = Math.max(bench.seconds, STEADY_SECONDS);
  const running = runGoLoad(bench.load, {
    mode: 'closed',
    port,
    connections: 64,
    seconds,
    tls: tls(bench, proxy),
  });
  await sleep(seconds * 900);
  measure();
  await running;
};

const idleConnections =
  (connections: number, wiring: Wiring): Situation =>
  async (bench, proxy, measure) => {
    const { port } = proxy;
    const secure = wiring.from === 'mtls' && { tls: tls(bench, proxy) };
    const held = await holdIdle(bench.load, { port, connections, ...secure });
    await sleep(SETTLE_MS);
    measure();
    await held.close();
  };

export const MEMORY_HOPS: readonly Hop[] = [
  memoryHop('memory-idle', 'RSS and PSS of a proxy that was just started', MTLS, idle),
  memoryHop('memory-64', 'the same with 64 mTLS connections under load', MTLS, underLoad),
  memoryHop(
    'memory-5000-idle',
    'the same with 5,000 idle mTLS connections',
    MTLS,
    idleConnections(5_000, MTLS),
  ),
  memoryHop(
    'memory-5000-plain',
    'the same with 5,000 idle plaintext connections',
    PLAINTEXT,
    idleConnections(5_000, PLAINTEXT),
  ),
];

function memoryHop(name: string, what: string, wiring: Wiring, situation: Situation): Hop {
  return { name, what, measure: (bench) => measureMemory(bench, name, wiring, situation) };
}

async function measureMemory(
  bench: Bench,
  hop: string,
  wiring: Wiring,
  situation: Situation,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const candidate of bench.candidates) {
    const seen: Memory[] = [];
    for (let i = 0; i < Math.min(bench.repeats, MAX_REPEATS); i++) {
      const proxy = await start(bench, candidate, wiring);
      try {
        await situation(bench, proxy, () => void seen.push(memoryOf(proxy.pid)));
      } finally {
        await proxy.stop();
      }
    }
    const rssMb = medianOf(seen.map((memory) => memory.rssMb));
    const pssMb = medianOf(seen.map((memory) => memory.pssMb));
    bench.say(`  ${candidate} ${rssMb.toFixed(1)} MiB`);
    rows.push({ hop, candidate, rssMb, pssMb });
  }
  return rows;
}

/** Weft with all that a sidecar is, not its data path alone. */
async function start(bench: Bench, candidate: CandidateName, wiring: Wiring): Promise<RunningProxy> {
  if (candidate !== 'weft') return await startCandidate(candidate, bench, wiring);
  return await startSidecar(bench, wiring, await bench.dist());
}

function tls({ certificates }: Bench, { alpn }: RunningProxy) {
  return { leaf: certificates.web, ca: certificates.ca, alpn };
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
