import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { RetryPolicy } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { sleep } from './testing/harness.ts';
import { deadPort } from './testing/http-server.ts';
import { assertUnused } from './testing/usage.ts';
import {
  type Asked,
  ask,
  assertError,
  openClient,
  type Seen,
  type ServeOptions,
  serveVersion,
  statusOf,
  VERSIONS,
  type Version,
  type VersionServer,
} from './testing/versions.ts';

/** Answers 503 until the turn, then 200. */
const okFrom = (turn: number) => (request: Seen) =>
  request.answer(request.turn < turn ? 503 : 200, request.turn < turn ? 'later' : 'done');
/** Dies under the requests before the turn. */
const aliveFrom = (turn: number) => (request: Seen) =>
  request.turn < turn ? request.cut() : request.answer(200, 'done');

/** Calls of gRPC are POST, and say in a status of their own that nobody is there. */
const policyOf = (version: Version, more: Partial<RetryPolicy> = {}): RetryPolicy => ({
  attempts: 2,
  conditions: version === 'grpc' ? ['GrpcUnavailable', 'Reset'] : ['GatewayError', 'Reset'],
  backoffBaseMs: 1,
  nonIdempotent: version === 'grpc',
  ...more,
});

async function callWith(
  version: Version,
  respond: (request: Seen) => void,
  retry: RetryPolicy | undefined,
  options: ServeOptions = {},
): Promise<{ readonly caller: Caller; readonly server: VersionServer }> {
  const server = await serveVersion(version, respond, options);
  const caller = await Caller.start([server], { traffic: retry === undefined ? {} : { retry } });
  return { caller, server };
}

const post = (body: string): Asked => ({ method: 'POST', path: '/p', body });

afterEach(assertUnused);

/** What a policy lists, and the answer it is for; `versions`: gRPC has statuses of its own, and no others. */
const LISTED: readonly (readonly [
  what: string,
  policy: Partial<RetryPolicy>,
  status: number,
  versions: readonly Version[],
])[] = [
  ['GatewayError', { conditions: ['GatewayError'] }, 503, ['http1', 'http2']],
  ['ServerError', { conditions: ['ServerError'] }, 500, ['http1', 'http2']],
  ['codes', { conditions: [], codes: [429] }, 429, ['http1', 'http2']],
  ['GrpcUnavailable', { conditions: ['GrpcUnavailable'] }, 503, ['grpc']],
];

for (const [what, policy, status, versions] of LISTED) {
  for (const version of versions) {
    test(`${version}: a ${status} that ${what} lists is tried again, and the client sees the answer that came then`, async () => {
      const { caller, server } = await callWith(
        version,
        (request) => request.answer(request.turn === 1 ? status : 200, `turn ${request.turn}`),
        policyOf(version, policy),
      );
      assert.equal((await ask(version, caller.port, { path: '/a' })).body, 'turn 2');
      assert.deepEqual(
        server.seen.map(({ path }) => path),
        ['/a', '/a'],
      );
      assert.equal(caller.metric('weft_retries_total', 'reason="status"'), 1);
      assert.equal(caller.metric('weft_requests_total', 'status_class="2xx"'), 1);
    });
  }
}

for (const version of VERSIONS) {
  test(`${version}: a status that no condition lists goes to the client as it is`, async () => {
    const { caller, server } = await callWith(
      version,
      (request) => request.answer(500, 'broken'),
      policyOf(version),
    );
    assert.equal(statusOf(version, await ask(version, caller.port)), 500);
    assert.equal(server.seen.length, 1);
  });

  test(`${version}: the last answer goes to the client when the attempts are used up`, async () => {
    const { caller, server } = await callWith(version, okFrom(9), policyOf(version));
    const answer = await ask(version, caller.port);
    assert.deepEqual([statusOf(version, answer), answer.code], [503, undefined]);
    assert.equal(server.seen.length, 3);
    assert.equal(caller.metric('weft_retries_total'), 2);
  });

  test(`${version}: what is cut before the first byte of a response is tried again under Reset`, async () => {
    const { caller, server } = await callWith(version, aliveFrom(3), policyOf(version));
    assert.equal((await ask(version, caller.port)).body, 'done');
    assert.equal(server.seen.length, 3);
    assert.equal(caller.metric('weft_retries_total', 'reason="reset"'), 2);
  });

  test(`${version}: a reset without Reset among the conditions is answered with upstream-reset`, async () => {
    const retry = policyOf(version, { conditions: [], codes: [503] });
    const { caller, server } = await callWith(version, aliveFrom(2), retry);
    assertError(version, await ask(version, caller.port), 'upstream-reset');
    assert.equal(server.seen.length, 1);
  });

  test(`${version}: without a retry policy nothing that was sent is sent again`, async () => {
    const { caller, server } = await callWith(version, okFrom(2), undefined);
    assert.equal(statusOf(version, await ask(version, caller.port)), 503);
    assert.equal(server.seen.length, 1);
  });

  test(`${version}: no attempts in the policy are none, also to another endpoint`, async () => {
    const alive = await serveVersion(version);
    const caller = await Caller.start([alive], {
      traffic: {
        retry: policyOf(version, { attempts: 0 }),
        loadBalancing: { algorithm: 'RoundRobin' },
      },
    });
    caller.setEndpoints([await deadPort(), alive.port]);
    const answers = [await ask(version, caller.port), await ask(version, caller.port)];
    assert.deepEqual(answers.map((answer) => statusOf(version, answer)).sort(), [200, 502]);
  });

  test(`${version}: a POST is sent once, unless the policy says nonIdempotent`, async () => {
    const retry = policyOf(version, { nonIdempotent: false });
    const once = await callWith(version, okFrom(2), retry);
    assert.equal(statusOf(version, await ask(version, once.caller.port, post('body'))), 503);
    assert.equal(once.server.seen.length, 1);

    const again = await callWith(version, okFrom(2), { ...retry, nonIdempotent: true });
    assert.equal((await ask(version, again.caller.port, post('body'))).body, 'done');
    assert.deepEqual(
      again.server.seen.map(({ body }) => body),
      ['body', 'body'],
    );
  });

  test(`${version}: a request that is tried again brings its whole body, whatever pieces it came in`, async () => {
    const { caller, server } = await callWith(version, okFrom(3), policyOf(version));
    const letters = Array.from({ length: 65_536 }, (_, index) => String.fromCharCode(97 + (index % 26)));
    const body = letters.join('');
    const client = openClient(version, caller.port);
    const request = client.begin({ ...(version !== 'grpc' && { method: 'PUT' }) });
    for (let at = 0; at < body.length; at += 20_000) {
      request.write(body.slice(at, at + 20_000));
      await sleep(2);
    }
    request.end();
    assert.equal((await request.answer).body, 'done');
    client.close();
    assert.deepEqual(
      server.seen.map((seen) => seen.body === body),
      [true, true, true],
    );
  });

  test(`${version}: a body of more than 64 KiB is not kept, so its request is sent once`, async () => {
    const retry = policyOf(version, { nonIdempotent: true });
    const { caller, server } = await callWith(version, okFrom(2), retry);
    const answer = await ask(version, caller.port, post('x'.repeat(65_537)));
    assert.equal(statusOf(version, answer), 503);
    assert.equal(server.seen.length, 1);
  });

  test(`${version}: an answer that comes while the body is still being sent is passed on, not tried again`, async () => {
    const retry = policyOf(version, { nonIdempotent: true });
    const { caller, server } = await callWith(version, ({ answer }) => answer(503, 'early'), retry, {
      isEarly: true,
    });
    const client = openClient(version, caller.port);
    const request = client.begin({ method: 'POST' });
    request.write('half');
    assert.equal(statusOf(version, await request.answer), 503);
    client.close();
    assert.equal(server.seen.length, 1);
  });

  test(`${version}: a response that is cut within its body is cut for the client, and not tried again`, async () => {
    const cutWithin = (request: Seen) => {
      request.begin('part');
      setTimeout(request.cut, 10);
    };
    const { caller, server } = await callWith(version, cutWithin, policyOf(version));
    await assert.rejects(ask(version, caller.port));
    assert.equal(server.seen.length, 1);
  });

  test(`${version}: the access log tells of the last attempt, with its endpoint`, async () => {
    const { caller, server } = await callWith(version, okFrom(9), policyOf(version));
    await ask(version, caller.port, { path: '/logged' });
    const { status, grpcStatus, path, endpoint, retries } = caller.log()[0] ?? {};
    assert.deepEqual([status, grpcStatus], version === 'grpc' ? [200, 14] : [503, undefined]);
    assert.deepEqual([path, endpoint, retries], ['/logged', `127.0.0.1:${server.port}`, 2]);
  });
}
