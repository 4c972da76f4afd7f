import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { sleep, until } from './testing/harness.ts';
import {
  ask,
  assertError,
  begin,
  openClient,
  type Seen,
  serveVersion,
  VERSIONS,
  type Version,
  type VersionServer,
} from './testing/versions.ts';

async function faulty(
  version: Version,
  fault: Fault,
  respond?: (request: Seen) => void,
): Promise<{ readonly caller: Caller; readonly server: VersionServer }> {
  const server = await serveVersion(version, respond);
  return { server, caller: await Caller.start([server], { traffic: { routes: [{ name: 'r', fault }] } }) };
}

for (const version of VERSIONS) {
  test(`${version}: an abort answers with its status, says so, and sends nothing`, async () => {
    const { caller, server } = await faulty(version, { abort: { percent: 100, status: 418 } });
    const answer = await ask(version, caller.port);
    assert.equal(answer.code, 'fault');
    // a status that gRPC has none for is UNKNOWN
    const { status, grpcStatus } = answer;
    assert.deepEqual([status, grpcStatus], version === 'grpc' ? [200, 2] : [418, undefined]);
    assert.equal(server.seen.length, 0);
    assert.equal(caller.metric('weft_errors_total', 'code="fault"'), 1);
  });

  test(`${version}: an abort hits as many as its percentage says`, async () => {
    const { caller, server } = await faulty(version, { abort: { percent: 30, status: 503 } });
    const client = openClient(version, caller.port);
    let aborted = 0;
    for (let i = 0; i < 200; i += 1) {
      const answer = await client.ask();
      if (answer.code === undefined) continue;
      assertError(version, answer, 'fault');
      aborted += 1;
    }
    client.close();
    // three standard deviations of 200 draws at 30 %
    assert.ok(aborted > 40 && aborted < 80, `${aborted} of 200`);
    assert.equal(server.seen.length, 200 - aborted);
  });

  test(`${version}: a delay holds the request back, and only then it is sent`, async () => {
    const { caller } = await faulty(version, { delay: { percent: 100, durationMs: 150 } });
    const startedMs = performance.now();
    assert.equal((await ask(version, caller.port)).body, 'done');
    assert.ok(performance.now() - startedMs >= 149);
  });

  test(`${version}: a client that goes away while its request is delayed causes nothing`, async () => {
    const { caller, server } = await faulty(version, { delay: { percent: 100, durationMs: 100 } });
    const request = begin(version, caller.port);
    await until(() => caller.side.path.connections().open > 0);
    await sleep(20);
    request.leave();
    await until(() => caller.side.path.connections().open === 0);
    await sleep(200);
    assert.equal(server.seen.length, 0);
    assert.equal(caller.metric('weft_requests_total'), 1);
  });

  test(`${version}: an answer comes at the bandwidth that was set, whole and in order`, async () => {
    const body = Array.from({ length: 4_000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join('');
    const { caller } = await faulty(version, { bandwidthBytesPerSecond: 16_000 }, ({ answer }) =>
      answer(200, body),
    );
    const startedMs = performance.now();
    const answer = await ask(version, caller.port);
    assert.equal(answer.body, body);
    if (version === 'grpc') assert.equal(answer.trailers['grpc-status'], '0');
    // 4,000 bytes at 16,000 a second are 250 ms, a tenth of a second of it at once
    assert.ok(performance.now() - startedMs >= 140, `${performance.now() - startedMs} ms`);
  });

  test(`${version}: a client that goes away in the middle of a slow answer leaves nothing behind`, async () => {
    const { caller } = await faulty(version, { bandwidthBytesPerSecond: 1_000 }, ({ answer }) =>
      answer(200, 'x'.repeat(500_000)),
    );
    const request = begin(version, caller.port);
    await until(() => request.text().length > 0);
    request.leave();
    await until(() => caller.side.path.connections().open === 0);
  });

  test(`${version}: what the mesh answers itself is not slowed down by a bandwidth`, async () => {
    const caller = await Caller.start([], {
      traffic: { routes: [{ name: 'route', fault: { bandwidthBytesPerSecond: 1 } }] },
    });
    assertError(version, await ask(version, caller.port), 'no-endpoints');
  });
}
