import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Algorithm } from './create-balancer.ts';
import { type Scenario, type Served, simulate } from './simulation.fixture.ts';

/** Ten hosts at a quarter of what they can do, one of which may be slow. */
const HOSTS = 10;
const FAIR = 1 / HOSTS;
const SLOW = 4;
const SLOWNESS = 10;
const base = { hosts: HOSTS, seconds: 10, requestsPerSecond: 2_000, slowness: () => 1 };

const LEARNING: Algorithm[] = ['PeakEWMA', 'LeastRequest'];
const BLIND: Algorithm[] = ['RoundRobin', 'Random', 'RingHash', 'Maglev'];

for (const algorithm of [...LEARNING, ...BLIND]) {
  test(`${algorithm}: of hosts that are alike each gets its share and no request waits long`, (t: TestContext) => {
    const served = simulate({ ...base, algorithm });
    const shares = Array.from({ length: HOSTS }, (_, host) => shareOf(served, host));
    t.diagnostic(
      `shares ${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}, ${latency(served)}`,
    );
    assert.ok(Math.min(...shares) > FAIR * 0.7 && Math.max(...shares) < FAIR * 1.3);
    assert.ok(p99(served) < 60);
  });
}

for (const [algorithm, maxShare, maxP99Ms] of [
  ['PeakEWMA', 0.01, 60],
  ['LeastRequest', 0.03, 180],
] as const) {
  test(`${algorithm}: a host ten times slower than the others gets few requests`, (t: TestContext) => {
    const served = simulate({ ...base, algorithm, slowness: (host) => (host === SLOW ? SLOWNESS : 1) });
    t.diagnostic(`share of the slow host ${percent(shareOf(served, SLOW))}, ${latency(served)}`);
    assert.ok(shareOf(served, SLOW) < maxShare);
    assert.ok(p99(served) < maxP99Ms);
  });

  test(`${algorithm}: a host that becomes slow loses its requests within a second`, (t: TestContext) => {
    const served = simulate({ ...base, algorithm, slowness: slowBetween(5_000, 10_000) });
    const reactionMs = firstWindow(served, 5_000, (share) => share < FAIR / 2);
    const after = served.filter(({ atMs }) => atMs >= 6_000);
    t.diagnostic(`below half its share after ${reactionMs} ms`);
    t.diagnostic(`from one second on: share ${percent(shareOf(after, SLOW))}, ${latency(after)}`);
    assert.ok(reactionMs <= 500);
    assert.ok(shareOf(after, SLOW) < maxShare);
  });

  test(`${algorithm}: a host that is no longer slow gets its share back, without a rush`, (t: TestContext) => {
    const slowness = slowBetween(2_000, 4_000);
    const served = simulate({ ...base, algorithm, seconds: 50, slowness });
    const backMs = firstWindow(served, 4_000, (share) => share > FAIR / 2);
    const shares = windows(served, 4_000).map((window) => shareOf(window, SLOW));
    const end = served.filter(({ atMs }) => atMs >= 40_000);
    t.diagnostic(`above half its share after ${backMs} ms, never above ${percent(Math.max(...shares))}`);
    assert.ok(backMs <= 30_000);
    assert.ok(Math.max(...shares) < FAIR * 2.5);
    assert.ok(shareOf(end, SLOW) > FAIR * 0.7);
  });

  test(`${algorithm}: a host that joins is tried at once and not flooded`, (t: TestContext) => {
    const served = simulate({ ...base, algorithm, joinsAtMs: 5_000 });
    const [first, second] = windows(served, 5_000).map((window) => shareOf(window, HOSTS - 1));
    const later = shareOf(
      served.filter(({ atMs }) => atMs >= 6_000),
      HOSTS - 1,
    );
    t.diagnostic(
      `share in the first 100 ms ${percent(first!)}, the second ${percent(second!)}, later ${percent(later)}`,
    );
    assert.ok(first! > 0 && first! < 2 * FAIR && second! < 2 * FAIR);
    assert.ok(later > FAIR * 0.7 && later < FAIR * 1.3);
  });
}

for (const algorithm of BLIND) {
  test(`${algorithm}: a slow host keeps its share, which is why this is not the default`, (t: TestContext) => {
    const served = simulate({ ...base, algorithm, slowness: (host) => (host === SLOW ? SLOWNESS : 1) });
    t.diagnostic(`share of the slow host ${percent(shareOf(served, SLOW))}, ${latency(served)}`);
    assert.ok(Math.abs(shareOf(served, SLOW) - FAIR) < FAIR * 0.3);
    assert.ok(p99(served) > 1_000);
  });
}

function slowBetween(fromMs: number, toMs: number): Scenario['slowness'] {
  return (host, atMs) => (host === SLOW && atMs >= fromMs && atMs < toMs ? SLOWNESS : 1);
}

function shareOf(served: readonly Served[], host: number): number {
  return served.filter((request) => request.host === host).length / served.length;
}

/** What was served from `fromMs` on, in pieces of 100 ms. */
function windows(served: readonly Served[], fromMs: number): Served[][] {
  const later = served.filter(({ atMs }) => atMs >= fromMs);
  const count = Math.ceil((later.at(-1)!.atMs - fromMs) / 100);
  const pieces = Array.from({ length: count }, (): Served[] => []);
  for (const request of later) pieces[Math.floor((request.atMs - fromMs) / 100)]?.push(request);
  return pieces;
}

/** Milliseconds from `fromMs` to the end of the first 100 ms in which the slow host's share is as wanted. */
function firstWindow(served: readonly Served[], fromMs: number, wanted: (share: number) => boolean): number {
  const found = windows(served, fromMs).findIndex((window) => wanted(shareOf(window, SLOW)));
  return found < 0 ? Number.POSITIVE_INFINITY : (found + 1) * 100;
}

function p99(served: readonly Served[]): number {
  return quantile(served, 0.99);
}

function quantile(served: readonly Served[], at: number): number {
  const latencies = served.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  return latencies[Math.floor(at * latencies.length)]!;
}

function latency(served: readonly Served[]): string {
  return `p50 ${quantile(served, 0.5).toFixed(1)} ms, p99 ${p99(served).toFixed(1)} ms`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
