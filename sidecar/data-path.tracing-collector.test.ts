import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, last, start, toClose, until } from './testing/harness.ts';
import { deadPort, serveRequests } from './testing/http-server.ts';
import { ok, serve, serveHttp, type TestServer, talk } from './testing/wire.ts';

/** Requests are answered as ever; what becomes of the spans is in the metrics. */
const BAD_COLLECTORS: readonly (readonly [
  what: string,
  start: () => Promise<TestServer>,
  exported: number,
  reason: string,
  dropped: number,
])[] = [
  [
    'is down',
    async () => ({ port: await deadPort(), accepted: [], close: async () => {} }),
    0,
    'unreachable',
    1,
  ],
  ['never answers', () => serve((socket) => void socket.resume()), 0, 'unreachable', 1],
  [
    'answers garbage',
    () => serve((socket) => void socket.resume().end('\0garbage\r\n')),
    0,
    'unreachable',
    1,
  ],
  ['is overloaded', () => serveRequests(({ answer }) => answer(503)), 0, 'unreachable', 1],
  ['refuses', () => serveRequests(({ answer }) => answer(400, 'no')), 0, 'refused', 1],
  ['redirects', () => serveRequests(({ answer }) => answer(307)), 0, 'refused', 1],
  [
    'takes a part',
    () => serveRequests(({ answer }) => answer(200, '{"partialSuccess":{"rejectedSpans":"2"}}')),
    1,
    'refused',
    2,
  ],
];

for (const [what, startBad, exported, reason, dropped] of BAD_COLLECTORS) {
  test(`a collector that ${what} costs spans and no request`, async () => {
    const bad = await startBad();
    toClose.push(bad.close);
    const pair = await start(await serveHttp(() => ok('fine')), { limits: { drainTimeoutMs: 100 } });
    const { state, path } = pair.web;
    const tracing = { endpoint: `http://127.0.0.1:${bad.port}`, samplePercent: 100 };
    state.setConfig({ ...state.config!, telemetry: { tracing } });
    const requests = exported + dropped;
    const answer = await talk(pair.port, get().repeat(requests - 1) + last());
    assert.equal((answer.match(/HTTP\/1.1 200 OK/g) ?? []).length, requests);
    await path.drain();
    await path.stop();
    await until(() =>
      path.renderMetrics().includes(`\nweft_spans_dropped_total{reason="${reason}"} ${dropped}\n`),
    );
    assert.ok(path.renderMetrics().includes(`\nweft_spans_exported_total ${exported}\n`));
  });
}
