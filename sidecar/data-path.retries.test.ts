import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { RetryPolicy } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { last, sleep } from './testing/harness.ts';
import { deadPort, type HttpTestServer, type Served, serveRequests } from './testing/http-server.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { connect, readUntil, serve, type TestServer, talk } from './testing/wire.ts';

const POLICY: RetryPolicy = { attempts: 2, conditions: ['GatewayError', 'Reset'], backoffBaseMs: 1 };

/** Answers 503 until the turn, then 200. */
const okFrom = (turn: number) => (request: Served) =>
  request.answer(request.turn < turn ? 503 : 200, request.turn < turn ? 'later' : 'done');
/** Dies under the requests before the turn. */
const aliveFrom = (turn: number) => (request: Served) =>
  request.turn < turn ? void request.socket.resetAndDestroy() : request.answer(200, 'done');

async function callWith(
  respond: (request: Served) => void,
  retry: RetryPolicy | undefined,
): Promise<{ readonly caller: Caller; readonly server: HttpTestServer }> {
  const server = await serveRequests(respond);
  const caller = await Caller.start([server], { traffic: retry === undefined ? {} : { retry } });
  return { caller, server };
}

const post = (body: string, more = '') =>
  `POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

afterEach(() => {
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

for (const [what, policy, status] of [
  ['GatewayError', { conditions: ['GatewayError'] }, 503],
  ['ServerError', { conditions: ['ServerError'] }, 500],
  ['codes', { conditions: [], codes: [429] }, 429],
] as const) {
  test(`a ${status} that ${what} lists is tried again, and the client sees the answer that came then`, async () => {
    const { caller, server } = await callWith(
      (request) => request.answer(request.turn === 1 ? status : 200, `turn ${request.turn}`),
      {
        ...POLICY,
        ...policy,
        conditions: [...policy.conditions],
        codes: [...('codes' in policy ? policy.codes : [])],
      },
    );
    assert.match(await talk(caller.port, last('/a')), /^HTTP\/1.1 200 [\s\S]*turn 2$/);
    assert.deepEqual(server.seen, ['GET /a', 'GET /a']);
    assert.equal(caller.metric('weft_retries_total', 'reason="status"'), 1);
    assert.equal(caller.metric('weft_requests_total', 'status_class="2xx"'), 1);
  });
}

test('a status that no condition lists goes to the client as it is', async () => {
  const { caller, server } = await callWith((request) => request.answer(500, 'broken'), POLICY);
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 500 [\s\S]*broken$/);
  assert.equal(server.seen.length, 1);
});

test('the last answer goes to the client when the attempts are used up', async () => {
  const { caller, server } = await callWith(okFrom(9), POLICY);
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 503 [\s\S]*later$/);
  assert.equal(server.seen.length, 3);
  assert.equal(caller.metric('weft_retries_total'), 2);
});

test('a connection reset before the first byte of a response is tried again under Reset', async () => {
  const { caller, server } = await callWith(aliveFrom(3), POLICY);
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200 [\s\S]*done$/);
  assert.equal(server.seen.length, 3);
  assert.equal(caller.metric('weft_retries_total', 'reason="reset"'), 2);
});

test('a reset without Reset among the conditions is answered with upstream-reset', async () => {
  const { caller, server } = await callWith(aliveFrom(2), { attempts: 2, conditions: [], codes: [503] });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 502 [\s\S]*weft-error: upstream-reset/);
  assert.equal(server.seen.length, 1);
});

test('without a retry policy nothing that was sent is sent again', async () => {
  const { caller, server } = await callWith(okFrom(2), undefined);
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 503 [\s\S]*later$/);
  assert.equal(server.seen.length, 1);
});

test('no attempts in the policy are none, also to another endpoint', async () => {
  const alive = await serveRequests((request) => request.answer(200, 'alive'));
  const caller = await Caller.start([alive], {
    traffic: { retry: { ...POLICY, attempts: 0 }, loadBalancing: { algorithm: 'RoundRobin' } },
  });
  caller.setEndpoints([await deadPort(), alive.port]);
  const answers = [await talk(caller.port, last()), await talk(caller.port, last())];
  assert.deepEqual(answers.map((answer) => answer.slice(9, 12)).sort(), ['200', '502']);
});

test('a POST is sent once, unless the policy says nonIdempotent', async () => {
  const once = await callWith(okFrom(2), POLICY);
  assert.match(await talk(once.caller.port, post('body')), /^HTTP\/1.1 503/);
  assert.equal(once.server.seen.length, 1);

  const again = await callWith(okFrom(2), { ...POLICY, nonIdempotent: true });
  assert.match(await talk(again.caller.port, post('body')), /^HTTP\/1.1 200/);
  assert.equal(again.server.seen.length, 2);
});

test('a retried PUT brings its whole body again, whatever pieces it came in', async () => {
  const bodies: string[] = [];
  const { caller } = await callWith((request) => {
    bodies.push(request.body);
    okFrom(3)(request);
  }, POLICY);
  const body = Array.from({ length: 65_536 }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
  const socket = await connect(caller.port);
  socket.write('PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n');
  for (let at = 0; at < body.length; at += 20_000) {
    socket.write(body.slice(at, at + 20_000));
    await sleep(2);
  }
  await readUntil(socket, 'done');
  socket.destroy();
  assert.deepEqual(
    bodies.map((seen) => seen === body),
    [true, true, true],
  );
});

test('a retried chunked body is chunked again, with its trailers', async () => {
  const seen: string[] = [];
  const { caller } = await callWith(
    (request) => {
      seen.push(`${request.headers['transfer-encoding']} ${request.body} ${request.trailers['x-sum']}`);
      okFrom(2)(request);
    },
    { ...POLICY, nonIdempotent: true },
  );
  const chunked =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n' +
    '3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n';
  assert.match(await talk(caller.port, chunked), /^HTTP\/1.1 200/);
  assert.deepEqual(seen, ['chunked abcdefg 7', 'chunked abcdefg 7']);
});

test('a body of more than 64 KiB is not kept, so its request is sent once', async () => {
  const { caller, server } = await callWith(okFrom(2), { ...POLICY, nonIdempotent: true });
  assert.match(await talk(caller.port, post('x'.repeat(65_537))), /^HTTP\/1.1 503 [\s\S]*later$/);
  assert.equal(server.seen.length, 1);
});

test('an answer that comes while the body is still being sent is passed on, not tried again', async () => {
  let heads = 0;
  const server = await serve((socket) => {
    socket.once('data', () => {
      heads += 1;
      socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nearly');
    });
  });
  const caller = await Caller.start([server], { traffic: { retry: { ...POLICY, nonIdempotent: true } } });
  const socket = await connect(caller.port);
  socket.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
  assert.match(await readUntil(socket, 'early'), /^HTTP\/1.1 503/);
  socket.destroy();
  assert.equal(heads, 1);
});

test('nothing is tried again once a byte of a response has come', async () => {
  let asked = 0;
  const server: TestServer = await serve((socket) => {
    socket.once('data', () => {
      asked += 1;
      socket.write('HTTP/1.1 200 OK\r\nContent-Le');
      setTimeout(() => socket.destroy(), 10);
    });
  });
  const caller = await Caller.start([server], { traffic: { retry: POLICY } });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 502 [\s\S]*weft-error: upstream-reset/);
  assert.equal(asked, 1);
});

test('a response that is cut within its body is cut for the client, and not tried again', async () => {
  const { caller, server } = await callWith((request) => {
    request.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart');
    setTimeout(() => request.socket.destroy(), 10);
  }, POLICY);
  assert.match(await talk(caller.port, last()), /part$/);
  assert.equal(server.seen.length, 1);
});

test('the access log tells of the last attempt, with its endpoint', async () => {
  const { caller, server } = await callWith(okFrom(9), POLICY);
  await talk(caller.port, last('/logged'));
  const [entry] = caller.log();
  assert.equal(entry?.status, 503);
  assert.equal(entry?.path, '/logged');
  assert.equal(entry?.endpoint, `127.0.0.1:${server.port}`);
});
