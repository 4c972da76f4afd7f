import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { sleep, until } from './testing/harness.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { ask, type Seen, serveVersion, type VersionServer } from './testing/versions.ts';
import { connect } from './testing/wire.ts';

const ATTEMPT = { routes: [{ name: 'r', timeout: { attemptMs: 1_500 } }] };
const REQUEST = { timeout: { requestMs: 1_500 } };
/** Idle connections are kept for as long as a test takes. */
const LIMITS = { appIdleMs: 60_000 };

afterEach(async () => {
  await until(() => usage().requests === 0);
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

/** Answers what is asked for two and two, and never `/hang`. */
function pairwise(): (seen: Seen) => void {
  let waiting: Seen | undefined;
  return (seen) => {
    if (seen.path === '/hang') return;
    if (seen.path !== '/two') return seen.answer(200, 'done');
    if (waiting === undefined) waiting = seen;
    else for (const each of [waiting, seen]) each.answer(200, 'done');
  };
}

/** Two connections of HTTP/1 are idle, or one of HTTP/2. */
async function warm(
  version: 'http1' | 'http2',
  traffic: NonNullable<Parameters<typeof Caller.start>[1]>['traffic'],
): Promise<{ readonly app: VersionServer; readonly caller: Caller }> {
  const app = await serveVersion(version, pairwise());
  const protocol = version === 'http1' ? 'HTTP' : 'HTTP2';
  const caller = await Caller.start([app], { protocol, limits: LIMITS, ...(traffic && { traffic }) });
  await Promise.all([
    ask(version, caller.port, { path: '/two' }),
    ask(version, caller.port, { path: '/two' }),
  ]);
  assert.equal(app.accepted.length, version === 'http1' ? 2 : 1);
  return { app, caller };
}

describe('after a request that was given up in silence', () => {
  for (const [what, traffic] of [
    ['an attempt', ATTEMPT],
    ['a request', REQUEST],
  ] as const) {
    for (const version of ['http1', 'http2'] as const) {
      test(`by the time of ${what}, over ${version}, connections from before it are not used again`, async () => {
        const { app, caller } = await warm(version, structuredClone(traffic));
        const before = app.accepted.length;
        // the clock that connections are judged by is late by a tick
        await sleep(120);
        assert.equal((await ask(version, caller.port, { path: '/hang' })).code, 'timeout');
        assert.equal((await ask(version, caller.port)).status, 200);
        assert.equal(app.accepted.length, before + 1);
      });
    }
  }

  test('by its client, connections from before it are not used again', async () => {
    const { app, caller } = await warm('http1', undefined);
    await sleep(120);
    const socket = await connect(caller.port);
    socket.write('GET /hang HTTP/1.1\r\nHost: api\r\n\r\n');
    await sleep(1_200);
    socket.resetAndDestroy();
    await until(() => usage().requests === 0);
    assert.equal((await ask('http1', caller.port)).status, 200);
    assert.equal(app.accepted.length, 3);
  });

  test('by a client that waited for a moment only, they are', async () => {
    const { app, caller } = await warm('http1', undefined);
    const socket = await connect(caller.port);
    socket.write('GET /hang HTTP/1.1\r\nHost: api\r\n\r\n');
    await until(() => app.seen.some(({ path }) => path === '/hang'));
    socket.resetAndDestroy();
    await until(() => usage().requests === 0);
    assert.equal((await ask('http1', caller.port)).status, 200);
    assert.equal(app.accepted.length, 2);
  });

  for (const version of ['http1', 'http2'] as const) {
    test(`those of ${version} that were heard of since are used on`, async () => {
      const { app, caller } = await warm(version, structuredClone(REQUEST));
      const before = app.accepted.length;
      const hanging = ask(version, caller.port, { path: '/hang' });
      await until(() => app.seen.some(({ path }) => path === '/hang'));
      await sleep(120);
      assert.equal((await ask(version, caller.port)).status, 200);
      assert.equal((await hanging).code, 'timeout');
      assert.equal((await ask(version, caller.port)).status, 200);
      assert.equal(app.accepted.length, before);
    });
  }
});
