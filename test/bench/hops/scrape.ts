import { startWeft } from '../candidates/weft.ts';
import { SMALL } from '../candidates/weft-documents.ts';
import { runGoLoad } from '../machine/load.ts';
import { medianOf } from '../report/quantile.ts';
import type { Row } from '../report/row.ts';
import { rowOf } from './cpu.ts';
import { type Bench, type Hop, type Lane, startLanes } from './hop.ts';
import { runRounds, type Sample } from './rounds.ts';

/** As many as one direction counts apart: each has a counter and a histogram. */
const ROUTES = 400;
const RATE = 1_000;
const CONNECTIONS = 32;
const MIN_SECONDS = 8;
const SCRAPE_EVERY_MS = 1_000;
const OF = 'CPU per request, to the smallest';

/** What a scrape of all series that traffic can make does to the requests that go on meanwhile. */
export const SCRAPE_HOP: Hop = {
  name: 'scrape',
  what: `1,000 requests a second, open loop, without and with a scrape every second of ${ROUTES} routes' series`,
  measure: measureScrape,
};

async function measureScrape(bench: Bench): Promise<readonly Row[]> {
  const counted = { lines: 0 };
  const lanes = await startLanes([
    () => startLane(bench, 'weft, no scrape', undefined),
    () => startLane(bench, 'weft, scraped', counted),
  ]);
  const samples = await runRounds(lanes, { ...bench, seconds: Math.max(bench.seconds, MIN_SECONDS) });
  const [quiet, scraped] = samples as [Sample[], Sample[]];
  return lanes.map(({ name }, i) => {
    const row = rowOf('scrape', name, samples[i]!, undefined, OF);
    if (i === 0) return row;
    const ratio = (figure: 'p50Ms' | 'p99Ms') =>
      medianOf(scraped.map((own, at) => own[figure] / quiet[at]![figure]));
    return {
      ...row,
      more: { series: counted.lines, p50ToQuiet: ratio('p50Ms'), p99ToQuiet: ratio('p99Ms') },
    };
  });
}

async function startLane(bench: Bench, name: string, counted: { lines: number } | undefined): Promise<Lane> {
  const proxy = await startWeft(
    bench,
    { from: 'plaintext', to: 'plaintext', side: 'outbound' },
    { scale: { ...SMALL, routes: ROUTES }, servesMetrics: true },
  );
  for (let i = 0; i < ROUTES - 1; i += 1) await fetch(`http://127.0.0.1:${proxy.port}/never/${i}`);
  const load = { port: proxy.port, connections: CONNECTIONS, request: { path: '/', post: 0 } };
  return {
    name,
    pids: [proxy.pid],
    run: async (seconds) => {
      const scraper = counted && scrapeEvery(proxy.metricsPort!, counted);
      const result = await runGoLoad(bench.load, { mode: 'open', rate: RATE, seconds, ...load });
      await scraper?.stop();
      return result;
    },
    stop: () => proxy.stop(),
  };
}

function scrapeEvery(port: number, counted: { lines: number }) {
  let last: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    last = fetch(`http://127.0.0.1:${port}/metrics`)
      .then((answer) => answer.text())
      .then((text) => {
        counted.lines = text.split('\n').filter((line) => /^[a-z]/.test(line)).length;
      });
  }, SCRAPE_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return last;
    },
  };
}
