import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { METRICS } from '../../api/metrics.ts';
import type { Limits } from '../../sidecar/limits.ts';
import { get } from '../../sidecar/testing/harness.ts';
import { connect, ok, readUntil, serveHttp, type TestServer } from '../../sidecar/testing/wire.ts';
import { ask, endingOf, metric } from './client.fixture.ts';
import { SideProcess } from './side-process.ts';
import { runSidecar } from './sidecar-process.fixture.ts';

let app: TestServer;
before(async () => {
  app = await serveHttp((head, socket) => {
    if (!head.includes('/slow')) return ok('fine');
    setTimeout(() => socket.write(ok('fine')), 200);
    return undefined;
  });
});
after(() => app.close());

test('a stall of the event loop is measured and exported', async (t) => {
  const sidecar = await runSidecar(t, app.port);
  // since the scrape before
  await sidecar.metrics();
  await delay(500);
  const calm = metric(await sidecar.metrics(), METRICS.eventLoopLag, { quantile: '1' });
  const STALL_MS = 1_200;
  // the first sample after a scrape measures nothing
  await delay(300);
  sidecar.child.kill('SIGSTOP');
  await delay(STALL_MS);
  sidecar.child.kill('SIGCONT');
  await delay(300);
  const text = await sidecar.metrics();
  const worst = metric(text, METRICS.eventLoopLag, { quantile: '1' });
  assert.ok(worst > (STALL_MS / 1000) * 0.8, `${worst} s`);
  assert.ok(worst < STALL_MS / 1000 + 1, `${worst} s`);
  assert.ok(calm < worst / 2, `${calm} s while nothing stalled`);
  assert.ok(metric(text, METRICS.eventLoopStalls, { over_seconds: '0.5' }) >= 1);
  const socket = await connect(sidecar.inboundPort);
  assert.match(await ask(socket), /^HTTP\/1\.1 200 /);
  socket.destroy();
});

describe('when the loop is held for longer than every deadline', { concurrency: true }, () => {
  const STALL_MS = 2_000;
  const LIMITS: Partial<Limits> = {
    ...{ idleTimeoutMs: 900, headerTimeoutMs: 600, handshakeTimeoutMs: 600, connectTimeoutMs: 600 },
    ...{ serverFirstWaitMs: 300, detectTimeoutMs: 400, appIdleMs: 400 },
  };
  let side: SideProcess;
  const sockets = new Map<string, Socket>();
  const answers = new Map<string, Promise<string>>();
  let stalled: Promise<void>;

  before(async () => {
    side = await SideProcess.start({ appPort: app.port, limits: LIMITS });
    for (const name of ['kept', 'slow', 'half', 'used', 'lost'])
      sockets.set(name, await connect(side.inboundPort));
    const socket = (name: string) => sockets.get(name)!;
    await Promise.all([...sockets.values()].map((each) => ask(each)));
    // asked before the stall, answered by the app within it
    answers.set('slow', ask(socket('slow'), '/slow'));
    socket('half').write('GET / HTTP/1.1\r\nHo');
    socket('lost').write('GET / HTTP/1.1\r\nHo');
    await delay(50);
    await side.block(STALL_MS);
    await delay(300);
    answers.set('used', ask(socket('used')));
    answers.set(
      'new',
      connect(side.inboundPort).then((each) => ask(each)),
    );
    answers.set('half', readUntil(socket('half'), 'fine'));
    for (const answer of answers.values()) answer.catch(() => {});
    socket('half').write('st: api\r\n\r\n');
    stalled = delay(STALL_MS - 200);
  });
  after(async () => {
    for (const socket of sockets.values()) socket.destroy();
    await side.stop();
  });

  const cases: readonly [name: string, what: string][] = [
    ['used', 'a request that came meanwhile on a connection that was open is answered'],
    ['new', 'a request on a connection that was opened meanwhile is answered'],
    ['slow', 'a request whose response came meanwhile is answered'],
    ['half', 'a request whose header was completed meanwhile is answered'],
  ];
  for (const [name, what] of cases) {
    test(what, async () => assert.match(await answers.get(name)!, /^HTTP\/1\.1 200 /));
  }
  test('a request that comes right after it is answered', async () => {
    await stalled;
    const socket = await connect(side.inboundPort);
    socket.write(get());
    assert.match(await readUntil(socket, 'fine'), /^HTTP\/1\.1 200 /);
    socket.destroy();
  });
  test('a header that was not completed is still too slow', async () => {
    await endingOf(sockets.get('lost')!, STALL_MS + LIMITS.headerTimeoutMs! + 1_000);
  });
});
