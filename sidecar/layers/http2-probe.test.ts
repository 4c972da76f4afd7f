import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../http2/peer.fixture.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { deadPort } from '../testing/http-server.ts';
import type { Dial } from '../transport/dial.ts';
import {
  DONE,
  healthy,
  listenHttp2,
  OK,
  probed,
  SERVING,
  target,
  unhealthy,
  type Verdict,
} from './http2-probe.fixture.ts';
import { probeHttp2 } from './http2-probe.ts';

test('a path is asked for by one GET, and the connection ends with the status', async (t) => {
  let head: Record<string, string> = {};
  const ended = Promise.withResolvers<void>();
  const port = await listenHttp2(t, async (peer) => {
    head = await peer.nextHead(1);
    // no end: the body is not waited for
    peer.send(peer.headers(1, [[':status', '204']], false));
    peer.until(() => peer.ended).then(ended.resolve, ended.reject);
  });
  assert.deepEqual(await probed(port, 'path', '/healthz?a=b'), healthy('status 204'));
  assert.deepEqual(head, {
    ...{ ':method': 'GET', ':scheme': 'http', ':path': '/healthz?a=b', ':authority': 'app.example:80' },
    ...{ 'user-agent': 'weft-health-check', accept: '*/*' },
  });
  await ended.promise;
});

test('a health service is asked by one call', async (t) => {
  let head: Record<string, string> = {};
  let body: Buffer = Buffer.alloc(0);
  const port = await listenHttp2(t, async (peer) => {
    head = await peer.nextHead(1);
    body = peer.body(1);
    peer.send(peer.headers(1, OK, false), peer.data(1, SERVING, false), peer.headers(1, DONE));
  });
  assert.deepEqual(await probed(port, 'grpc', 'a.B'), healthy('answered SERVING'));
  assert.deepEqual(head, {
    ...{ ':method': 'POST', ':scheme': 'http', ':path': '/grpc.health.v1.Health/Check' },
    ...{ ':authority': 'app.example:80', te: 'trailers', 'content-type': 'application/grpc' },
    'user-agent': 'weft-health-check',
  });
  assert.deepEqual([...body], [0, 0, 0, 0, 5, 0x0a, 3, 97, 46, 66]);
});

test('a path is healthy with 2xx and 3xx', async (t) => {
  for (const status of [200, 301, 399, 400, 404, 503]) {
    const port = await listenHttp2(t, (peer) => peer.send(peer.headers(1, [[':status', String(status)]])));
    const verdict = await probed(port, 'path', '/');
    assert.deepEqual(verdict, status < 400 ? healthy(`status ${status}`) : unhealthy(`status ${status}`));
  }
});

type Answer = (peer: Peer) => void;
const trailersOnly =
  (grpcStatus: string): Answer =>
  (peer) =>
    peer.send(peer.headers(1, [...OK, ['grpc-status', grpcStatus]]));
const message =
  (...bytes: number[]): Answer =>
  (peer) =>
    peer.send(peer.headers(1, OK, false), peer.data(1, Buffer.from(bytes), false), peer.headers(1, DONE));

const CALLS: [name: string, answer: Answer, verdict: Verdict][] = [
  ['is not serving', message(0, 0, 0, 0, 2, 8, 2), unhealthy('answered NOT_SERVING')],
  [
    'says it in two pieces',
    (peer) => {
      peer.send(peer.headers(1, OK, false), peer.data(1, SERVING.subarray(0, 3), false));
      peer.send(peer.data(1, SERVING.subarray(3), false), peer.headers(1, DONE));
    },
    healthy('answered SERVING'),
  ],
  [
    'says something before',
    (peer) => {
      peer.send(peer.headers(1, [[':status', '103']], false), peer.headers(1, OK, false));
      peer.send(peer.data(1, SERVING, false), peer.headers(1, DONE));
    },
    healthy('answered SERVING'),
  ],
  ['has no health service', trailersOnly('12'), unhealthy('answered grpc-status 12 UNIMPLEMENTED')],
  ['does not know the service', trailersOnly('5'), unhealthy('answered grpc-status 5 NOT_FOUND')],
  [
    'says SERVING and then an error',
    (peer) => {
      peer.send(peer.headers(1, OK, false), peer.data(1, SERVING, false));
      peer.send(peer.headers(1, [['grpc-status', '14']]));
    },
    unhealthy('answered grpc-status 14 UNAVAILABLE'),
  ],
  [
    'says SERVING and no status',
    (peer) => {
      peer.send(peer.headers(1, OK, false), peer.data(1, SERVING));
    },
    unhealthy('answered 200, which is no gRPC'),
  ],
  ['has a status that is none', trailersOnly('00'), unhealthy('answered grpc-status 2')],
  ['says OK and nothing else', trailersOnly('0'), unhealthy('answered no HealthCheckResponse')],
  [
    'answers garbage in a frame',
    message(...Buffer.from('<html>')),
    unhealthy('answered no HealthCheckResponse'),
  ],
  [
    'speaks no gRPC',
    (peer) => peer.send(peer.headers(1, [[':status', '404']])),
    unhealthy('answered 404, which is no gRPC'),
  ],
];
for (const [name, answer, verdict] of CALLS) {
  test(`a call to a server that ${name}`, async (t) => {
    assert.deepEqual(await probed(await listenHttp2(t, answer), 'grpc', ''), verdict);
  });
}

test('an answer to a call that is too long is cut off', async (t) => {
  const port = await listenHttp2(t, (peer) => {
    peer.send(peer.headers(1, OK, false));
    for (let count = 0; count < 4; count += 1) peer.send(peer.data(1, Buffer.alloc(500), false));
  });
  assert.deepEqual(await probed(port, 'grpc', ''), unhealthy('answered more than a health check may'));
});

test('no body of a path is too long, since it is not read', async (t) => {
  const port = await listenHttp2(t, (peer) => {
    peer.send(peer.headers(1, [[':status', '200']], false), peer.data(1, Buffer.alloc(16_000), false));
  });
  assert.deepEqual(await probed(port, 'path', '/'), healthy('status 200'));
});

for (const path of ['/a b', '/\u00e9', '/\r\nx: y', 'relative', '']) {
  test(`nothing is dialled for the path ${JSON.stringify(path)}`, () => {
    const timers = new FakeTimers();
    const verdicts: unknown[] = [];
    const dial: Dial = () => assert.fail('dialled');
    probeHttp2(target(dial, timers), path, (...verdict) => verdicts.push(verdict));
    assert.deepEqual(verdicts, [[false, 'the path or host is not fit for a request', false]]);
  });
}

test('a host nobody listens on is a failure', async () => {
  const { ok, reason } = await probed(await deadPort(), 'grpc', '');
  assert.equal(ok, false);
  assert.match(reason, /ECONNREFUSED/);
});
