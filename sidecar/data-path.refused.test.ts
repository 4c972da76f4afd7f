import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { DestinationTraffic } from '../api/destination-traffic.ts';
import { Caller, type CallerOptions } from './testing/caller.ts';
import { destination, FakeState, proxyConfig } from './testing/fake-state.ts';
import { sleep, start, toClose, until } from './testing/harness.ts';
import { API, type Pair, startSide } from './testing/pair.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { ask, serveVersion, type Version } from './testing/versions.ts';
import { connect, serve, type TestServer, talk } from './testing/wire.ts';

const KEY = 'shop/api:80';
/** On a busy machine nothing takes too long. */
const LIMITS = { connectAgainMs: 30_000, connectTimeoutMs: 10_000 };
/** Servers of tests are at 127.0.0.1 alone: nobody is ever there. */
const NOBODY = { address: '127.0.0.2' };
const POST = { method: 'POST', body: 'x'.repeat(40_000) };
const ROUND_ROBIN: DestinationTraffic = { loadBalancing: { algorithm: 'RoundRobin', panicPercent: 0 } };

afterEach(async () => {
  await until(() => usage().hosts === 0, 'no host in use');
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

/** A caller whose only endpoint refuses connections. */
function refused(server: TestServer, options: CallerOptions = {}): Promise<Caller> {
  return Caller.start([server], { endpoints: [NOBODY], limits: LIMITS, ...options });
}

const connects = (caller: Caller) => caller.metric('weft_retries_total', 'reason="connect"');

/** From the first further attempt on the destination is the server. */
async function appears(caller: Caller, server: TestServer): Promise<void> {
  await until(() => connects(caller) >= 1, 'another attempt');
  caller.setEndpoints([server.port]);
}

for (const version of ['http1', 'http2', 'grpc'] as const) {
  describe(`over ${version} a request whose only endpoint refuses the connection`, () => {
    const open = () => serveVersion(version === 'grpc' ? 'http2' : version);

    test('is tried again, body and all, and goes to whoever is there then', async () => {
      const app = await open();
      const caller = await refused(app, version === 'grpc' ? { protocol: 'GRPC' } : {});
      const [answer] = await Promise.all([ask(version, caller.port, POST), appears(caller, app)]);
      assert.deepEqual([answer.status, answer.code], [200, undefined]);
      assert.equal(app.seen.length, 1);
      assert.equal(app.seen[0]!.body.length, POST.body.length);
    });

    test('gets the error when nobody came', async () => {
      const caller = await refused(await open());
      const answer = await ask(version, caller.port, POST);
      assert.equal(answer.code, 'connect-failure');
      assert.equal(connects(caller), 3);
      assert.equal(caller.log().length, 1);
      assert.equal(caller.log()[0]!.attempts, 4);
    });

    test('goes to another endpoint, body and all', async () => {
      const app = await open();
      const caller = await Caller.start([app, app], {
        endpoints: [NOBODY, {}],
        traffic: ROUND_ROBIN,
        limits: LIMITS,
      });
      for (let turn = 0; turn < 4; turn += 1) {
        assert.equal((await ask(version, caller.port, POST)).status, 200);
      }
      assert.ok(connects(caller) >= 1);
      assert.deepEqual(new Set(app.seen.map(({ body }) => body.length)), new Set([POST.body.length]));
    });
  });
}

test('what has tried to connect for long enough is not tried again', async () => {
  const caller = await refused(await serveVersion('http1'), { limits: { connectAgainMs: 0 } });
  assert.equal((await ask('http1', caller.port)).code, 'connect-failure');
  assert.equal(connects(caller), 0);
});

test('a destination that has no endpoint for a moment is waited for by what was refused', async () => {
  const app = await serveVersion('http1');
  const caller = await refused(app);
  const leavesAndReturns = async () => {
    await until(() => connects(caller) >= 1, 'another attempt');
    caller.setEndpoints([]);
    await until(() => connects(caller) >= 2, 'a pause without endpoints');
    caller.setEndpoints([app.port]);
  };
  const [{ status }] = await Promise.all([ask('http1', caller.port), leavesAndReturns()]);
  assert.equal(status, 200);
});

test('what is refused is not tried again beyond the attempts of its policy, or its budget', async () => {
  const app = await serveVersion('http1');
  for (const [traffic, times] of [
    [{ retry: { attempts: 0, conditions: [] } }, 0],
    [{ retry: { attempts: 1, conditions: [] } }, 1],
    [{ retryBudget: { percent: 0, minPerSecond: 0 } }, 0],
    [{ circuitBreaker: { maxRetries: 0 } }, 0],
  ] as const) {
    const caller = await refused(app, { traffic: structuredClone(traffic) as DestinationTraffic });
    assert.equal((await ask('http1', caller.port, POST)).code, 'connect-failure');
    assert.equal(connects(caller), times, JSON.stringify(traffic));
  }
});

test('the time of a request ends its further attempts', async () => {
  const caller = await refused(await serveVersion('http1'), { traffic: { timeout: { requestMs: 60 } } });
  assert.equal((await ask('http1', caller.port)).code, 'timeout');
  const before = connects(caller);
  await sleep(300);
  assert.equal(connects(caller), before);
});

test('a client that goes away ends the further attempts of its request', async () => {
  const caller = await refused(await serveVersion('http1'));
  const socket = await connect(caller.port);
  socket.write('GET / HTTP/1.1\r\nHost: api\r\n\r\n');
  await until(() => connects(caller) === 1, 'another attempt');
  socket.resetAndDestroy();
  await until(() => usage().requests === 0, 'the end of the request');
  const before = connects(caller);
  await sleep(400);
  assert.equal(connects(caller), before);
});

describe('a connection that is not parsed', () => {
  const echo = () => serve((socket) => void socket.pipe(socket));

  test('waits for whoever takes it after its only endpoint refused it', async () => {
    const server = await echo();
    const caller = await refused(server, { protocol: 'TCP' });
    // what refuses is asked again only after a pause, which is time enough
    const [said] = await Promise.all([
      talk(caller.port, 'word', true),
      sleep(20).then(() => caller.setEndpoints([server.port])),
    ]);
    assert.equal(said, 'word');
  });

  test('is closed when nobody took it', async () => {
    const caller = await refused(await echo(), { protocol: 'TCP' });
    assert.equal(await talk(caller.port, 'word'), '');
    assert.equal(connects(caller), 3);
    assert.equal(caller.log()[0]!.code, 'connect-failure');
  });
});

describe('what another sidecar refuses because its app is not there', () => {
  /** A sidecar before an app that is not there. */
  async function besideDeadApp(pair: Pair): Promise<number> {
    const inbound = [{ port: 0, address: '127.0.0.1', appAddress: '127.0.0.2', appPort: pair.inboundPort }];
    const listeners = { inbound, outbound: [], admin: { address: '127.0.0.1', port: 1 } };
    const state = new FakeState(await pair.authority.workload(API));
    const dead = await startSide(state, proxyConfig('api-b', { listeners }), LIMITS);
    toClose.push(() => dead.path.stop());
    return dead.path.addresses()[0]!.port;
  }

  function point(pair: Pair, ports: readonly number[], version: Version): void {
    const endpoints = ports.map((port) => ({ address: '127.0.0.1', port, spiffeId: API, workload: 'api' }));
    const protocol = version === 'http1' ? 'HTTP' : 'HTTP2';
    const more = { name: 'api', protocol, traffic: ROUND_ROBIN } as const;
    pair.web.state.destinations.set(KEY, destination(KEY, endpoints, more));
  }

  const connectsOf = (pair: Pair) =>
    Number(/weft_retries_total\{[^}]*reason="connect"\} (\d+)/.exec(pair.web.path.renderMetrics())?.[1] ?? 0);

  for (const version of ['http1', 'http2'] as const) {
    test(`goes elsewhere over ${version}, body and all`, async () => {
      const app = await serveVersion(version);
      const pair = await start(app, { limits: LIMITS });
      point(pair, [await besideDeadApp(pair), pair.inboundPort], version);
      for (let turn = 0; turn < 6; turn += 1) {
        const answer = await ask(version, pair.port, POST);
        assert.deepEqual([answer.status, answer.code], [200, undefined]);
      }
      assert.ok(connectsOf(pair) >= 1);
      assert.equal(app.seen.length, 6);
      assert.ok(app.seen.every(({ body }) => body.length === POST.body.length));
      // what was refused before is not told of a request that was answered in the end
      assert.ok(!pair.web.log.some((line) => line.includes('peerCode')), pair.web.log.join(''));
    });

    test(`is asked again over ${version} after a pause when there is nobody else`, async () => {
      const app = await serveVersion(version);
      const pair = await start(app, { limits: LIMITS });
      point(pair, [await besideDeadApp(pair)], version);
      const comes = until(() => connectsOf(pair) >= 1, 'another attempt').then(() =>
        point(pair, [pair.inboundPort], version),
      );
      const [answer] = await Promise.all([ask(version, pair.port, POST), comes]);
      assert.deepEqual([answer.status, app.seen.length], [200, 1]);
      assert.equal(app.seen[0]!.body.length, POST.body.length);
    });
  }

  test('is told to its client in the end', async () => {
    const pair = await start(await serveVersion('http1'), { limits: LIMITS });
    point(pair, [await besideDeadApp(pair)], 'http1');
    const answer = await ask('http1', pair.port, POST);
    assert.deepEqual([answer.status, answer.code, connectsOf(pair)], [502, 'connect-failure', 3]);
    const entry = JSON.parse(pair.web.log[0]!) as Record<string, unknown>;
    assert.deepEqual([entry.peerCode, entry.attempts], ['connect-failure', 4]);
  });

  test('is told at once of a body that is too large to be held', async () => {
    const pair = await start(await serveVersion('http1'), { limits: LIMITS });
    point(pair, [await besideDeadApp(pair), pair.inboundPort], 'http1');
    const large = { method: 'POST', body: 'x'.repeat(1_000_000) };
    const codes = new Set<string | undefined>();
    for (let turn = 0; turn < 4; turn += 1) codes.add((await ask('http1', pair.port, large)).code);
    assert.deepEqual(codes, new Set(['connect-failure', undefined]));
  });
});
