import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Limits } from '../../sidecar/limits.ts';
import { TestAuthority } from '../../sidecar/testing/certificates.ts';
import { API } from '../../sidecar/testing/pair.ts';
import { connect, ok, serveHttp, type TestServer } from '../../sidecar/testing/wire.ts';
import { ask, endingOf, metric } from './client.fixture.ts';
import { SideProcess } from './side-process.ts';

const DAY_MS = 86_400_000;
const IDLE_MS = 1_200;
const LIMITS: Partial<Limits> = { idleTimeoutMs: IDLE_MS, headerTimeoutMs: 2_500, meshIdleMs: 5_000 };
const SLACK_MS = 1_500;

/** One process that is caller and callee, over mTLS. */
let side: SideProcess;
let app: TestServer;

before(async () => {
  app = await serveHttp((head, socket) => {
    if (!head.includes('/slow')) return ok('fine');
    setTimeout(() => socket.write(ok('fine')), 500);
    return undefined;
  });
  const authority = await TestAuthority.create();
  side = await SideProcess.start(
    {
      appPort: app.port,
      // whose certificate is valid whatever the clock says
      identity: await authority.workload(API, {
        notBeforeMs: Date.now() - 3 * DAY_MS,
        notAfterMs: Date.now() + 3 * DAY_MS,
      }),
      endpoint: { port: 'own inbound', spiffeId: API },
      limits: LIMITS,
    },
    { preload: [join(import.meta.dirname, 'clock.preload.ts')] },
  );
});
after(async () => {
  await side.stop();
  await app.close();
});

async function served(socket: Socket): Promise<void> {
  assert.match(await ask(socket), /^HTTP\/1\.1 200 /);
}

const JUMPS: readonly [string, number, number][] = [
  ['a day ahead', 0, DAY_MS],
  ['a day back', 0, -DAY_MS],
  ['ahead and back again', DAY_MS, 0],
];

for (const [what, fromMs, toMs] of JUMPS) {
  describe(`the wall clock jumps ${what}`, { concurrency: true }, () => {
    let used: Socket;
    let idle: Socket;
    let busy: Socket;
    let silent: Socket;
    let answer: Promise<string>;
    let jumpedMs: number;

    before(async () => {
      await side.jumpClock(fromMs);
      [used, idle, busy] = (await Promise.all(
        Array.from({ length: 3 }, () => connect(side.outboundPort)),
      )) as [Socket, Socket, Socket];
      await Promise.all([served(used), served(idle), served(busy)]);
      // so that deadlines armed before the jump are looked at after it, and too early
      await delay(IDLE_MS * 0.6);
      await Promise.all([served(used), served(idle)]);
      silent = await connect(side.outboundPort);
      answer = ask(busy, '/slow');
      await delay(50);
      await side.jumpClock(toMs);
      jumpedMs = performance.now();
    });

    test('a connection that is used goes on', async () => {
      // past every deadline that was armed before the jump
      for (let round = 0; round < 6; round += 1) {
        await delay(IDLE_MS / 3);
        await served(used);
      }
      used.destroy();
    });

    test('a request in flight is answered', async () => {
      assert.match(await answer, /^HTTP\/1\.1 200 /);
      busy.destroy();
    });

    test('a connection on which nothing moves is ended when it should be, not earlier and not a day later', async () => {
      await endingOf(idle, IDLE_MS + SLACK_MS);
      const afterMs = performance.now() - jumpedMs;
      assert.ok(afterMs > IDLE_MS - 200, `after ${afterMs} ms`);
    });

    test('new connections are served, with mTLS between the sides, and so is one that had said nothing', async () => {
      await served(silent);
      silent.destroy();
      const socket = await connect(side.outboundPort);
      await served(socket);
      socket.destroy();
    });
  });
}

test('through all of it durations stay what they were, and no timer runs wild', async () => {
  await side.jumpClock(DAY_MS);
  const before = side.cpuSeconds();
  await delay(1_000);
  const usedSeconds = side.cpuSeconds() - before;
  assert.ok(usedSeconds < 0.3, `${usedSeconds} s of CPU in an idle second`);
  const { metrics } = await side.report();
  const sum = metric(metrics, 'weft_request_duration_seconds_sum');
  const count = metric(metrics, 'weft_request_duration_seconds_count');
  assert.ok(count > 20);
  assert.ok(sum > 0 && sum < 30, `${sum} s for ${count} requests`);
  assert.equal(metric(metrics, 'weft_errors_total'), 0);
});
