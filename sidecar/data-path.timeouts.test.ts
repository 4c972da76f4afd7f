import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { RetryPolicy } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { TestAuthority } from './testing/certificates.ts';
import { sleep, until } from './testing/harness.ts';
import { API, WEB } from './testing/pair.ts';
import { assertUnused, usage } from './testing/usage.ts';
import {
  ask,
  assertError,
  begin,
  openClient,
  type Seen,
  serveVersion,
  VERSIONS,
  type Version,
} from './testing/versions.ts';
import { serve } from './testing/wire.ts';

const SILENT = (_request: Seen) => {};
const DONE = (request: Seen) => request.answer(200, 'done');
const MESHED = { spiffeId: API };
/** What route of a destination `/patient` takes, and what the rest. */
const PATIENT = { name: 'patient', match: [{ path: { type: 'Exact' as const, value: '/patient' } }] };

const retrying = (version: Version, attempts: number): RetryPolicy => ({
  ...{ attempts, conditions: ['Reset'], backoffBaseMs: 1 },
  nonIdempotent: version === 'grpc',
});

afterEach(assertUnused);

for (const version of VERSIONS) {
  test(`${version}: an endpoint that does not take the connection in time is given up for another`, async () => {
    // it takes part in no handshake
    const mute = await serve(() => {});
    const caller = await Caller.start([mute, await serveVersion(version)], {
      endpoints: [MESHED],
      identity: await (await TestAuthority.create()).workload(WEB),
      traffic: { timeout: { connectMs: 60 }, loadBalancing: { algorithm: 'RoundRobin' } },
    });
    for (const _ of [1, 2]) assert.equal((await ask(version, caller.port)).body, 'done');
    assert.ok(caller.metric('weft_retries_total', 'reason="connect"') >= 1);
  });

  test(`${version}: an attempt that takes too long is tried again where the policy retries silence`, async () => {
    const server = await serveVersion(version, (seen) => (seen.turn === 1 ? SILENT : DONE)(seen));
    const caller = await Caller.start([server], {
      traffic: { routes: [{ name: 'r', timeout: { attemptMs: 60 }, retry: retrying(version, 1) }] },
    });
    assert.equal((await ask(version, caller.port)).body, 'done');
    assert.equal(server.seen.length, 2);
    assert.equal(caller.metric('weft_retries_total', 'reason="timeout"'), 1);
  });

  test(`${version}: an attempt that takes too long is answered in its place where nothing is retried`, async () => {
    const server = await serveVersion(version, SILENT);
    const caller = await Caller.start([server], {
      traffic: { routes: [{ name: 'r', timeout: { attemptMs: 60 } }] },
    });
    assertError(version, await ask(version, caller.port), 'timeout');
    assert.equal(server.seen.length, 1);
    assert.equal(caller.metric('weft_errors_total', 'code="timeout"'), 1);
    assert.equal(caller.log()[0]?.code, 'timeout');
  });

  test(`${version}: the attempt timeout ends with the head of the response: a body may take its time`, async () => {
    const server = await serveVersion(version, (seen) => {
      const answer = seen.begin('sl');
      setTimeout(() => answer.end('ow'), 200);
    });
    const caller = await Caller.start([server], {
      traffic: { routes: [{ name: 'r', timeout: { attemptMs: 60 } }] },
    });
    assert.equal((await ask(version, caller.port)).body, 'slow');
  });

  test(`${version}: the request timeout bounds all attempts together`, async () => {
    const server = await serveVersion(version, SILENT);
    const caller = await Caller.start([server], {
      traffic: {
        routes: [{ name: 'r', timeout: { attemptMs: 60, requestMs: 250 }, retry: retrying(version, 10) }],
      },
    });
    assertError(version, await ask(version, caller.port), 'timeout');
    assert.ok(server.seen.length >= 2 && server.seen.length <= 5, `${server.seen.length} attempts`);
  });

  test(`${version}: the request timeout of the destination holds for routes that have none, and 0 is none`, async () => {
    const server = await serveVersion(
      version,
      (seen) => void setTimeout(() => seen.answer(200, 'slow'), 250),
    );
    const routes = [{ ...PATIENT, timeout: { requestMs: 0 } }, { name: 'rest' }];
    const caller = await Caller.start([server], { traffic: { timeout: { requestMs: 80 }, routes } });
    assertError(version, await ask(version, caller.port), 'timeout');
    assert.equal((await ask(version, caller.port, { path: '/patient' })).body, 'slow');
    assert.equal(caller.log()[0]?.route, 'rest');
    // who is asked in gRPC learns how long it has
    const told = server.seen.map(({ headers }) => headers['grpc-timeout']);
    assert.deepEqual(told, [version === 'grpc' ? '80m' : undefined, undefined]);
  });

  test(`${version}: a response that has begun is cut by the request timeout, not ended`, async () => {
    const server = await serveVersion(version, (seen) => void seen.begin('half'));
    const caller = await Caller.start([server], { traffic: { timeout: { requestMs: 80 } } });
    const request = begin(version, caller.port);
    await assert.rejects(request.answer);
    assert.equal(request.text(), 'half');
    assert.equal(caller.log()[0]?.code, 'timeout');
  });

  test(`${version}: a request without a byte either way for the idle timeout of its destination or route is answered`, async () => {
    const server = await serveVersion(version, SILENT);
    const caller = await Caller.start([server], {
      traffic: {
        timeout: { idleMs: 60 },
        routes: [{ ...PATIENT, timeout: { idleMs: 0 } }, { name: 'rest' }],
      },
      limits: { idleTimeoutMs: 100 },
    });
    assertError(version, await ask(version, caller.port), 'timeout');
    const patient = begin(version, caller.port, { path: '/patient' });
    await until(() => usage().requests === 1);
    await sleep(300);
    assert.equal(usage().requests, 1);
    patient.leave();
  });

  test(`${version}: bytes that come now and then keep a request from being idle, up or down`, async () => {
    const slow = await serveVersion(version, (seen) => {
      const answer = seen.begin('');
      let sent = 0;
      const timer = setInterval(() => {
        answer.write('.');
        if (++sent < 6) return;
        clearInterval(timer);
        answer.end();
      }, 60);
    });
    const caller = await Caller.start([slow], { traffic: { timeout: { idleMs: 150 } } });
    assert.equal((await ask(version, caller.port)).body, '......');

    const uploader = await Caller.start([await serveVersion(version)], {
      traffic: { timeout: { idleMs: 150 } },
    });
    const client = openClient(version, uploader.port);
    const request = client.begin({ method: 'POST' });
    for (let byte = 0; byte < 6; byte += 1) {
      await sleep(60);
      request.write('.');
    }
    request.end();
    assert.equal((await request.answer).body, 'done');
    client.close();
  });

  test(`${version}: the idle timeout of a route ends with its request: the connection may idle as before`, async () => {
    const caller = await Caller.start([await serveVersion(version)], {
      traffic: { timeout: { idleMs: 60 } },
    });
    const client = openClient(version, caller.port);
    assert.equal((await client.ask()).body, 'done');
    await sleep(250);
    assert.equal(caller.side.path.connections().open, 1);
    assert.equal((await client.ask()).body, 'done');
    client.close();
  });

  test(`${version}: a client that goes away leaves nothing behind, whatever its request was waiting for`, async () => {
    const silent = await serveVersion(version, SILENT);
    const stalled = await serveVersion(version, (seen) => void seen.begin('part'));
    const mute = await serve(() => {});
    const identity = await (await TestAuthority.create()).workload(WEB);
    const phases: [string, Caller, 'whole' | 'part'][] = [
      ['connecting', await Caller.start([mute], { endpoints: [MESHED], identity }), 'whole'],
      ['sending', await Caller.start([silent]), 'part'],
      ['awaiting', await Caller.start([silent]), 'whole'],
      ['receiving', await Caller.start([stalled]), 'whole'],
    ];
    for (const [phase, caller, body] of phases) {
      const client = openClient(version, caller.port);
      const request = client.begin({ method: 'POST' });
      request.answer.catch(() => {});
      request.write('part');
      if (body === 'whole') request.end();
      await until(() => usage().hosts === 1, phase);
      await sleep(20);
      request.leave();
      await until(() => usage().hosts === 0 && usage().requests === 0, `the end of ${phase}`);
      // a connection of HTTP/2 carries on
      const isKept = version !== 'http1' && phase !== 'connecting';
      const { pools } = caller.side.path.connections();
      if (isKept) assert.equal(pools, 1, phase);
      else await until(() => caller.side.path.connections().pools === 0, `no connection left of ${phase}`);
      client.close();
    }
  });
}

test('a gRPC client’s own deadline holds where it is the shorter one', async () => {
  const app = await serveVersion('grpc', SILENT);
  const caller = await Caller.start([app], { traffic: { timeout: { requestMs: 60_000 } } });
  const headers = { 'grpc-timeout': '40m' };
  assertError('grpc', await ask('grpc', caller.port, { headers }), 'timeout');
  assert.equal(app.seen[0]!.headers['grpc-timeout'], '40m');
});
