import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { last } from './testing/harness.ts';
import { serveRequests } from './testing/http-server.ts';
import { talk } from './testing/wire.ts';

test('the time between attempts is no shorter than base, and no longer than max', async () => {
  const server = await serveRequests(({ turn, answer }) => answer(turn % 3 === 0 ? 200 : 503, 'answer'));
  const retry = { attempts: 2, conditions: ['ServerError' as const] };
  const caller = await Caller.start([server], {
    traffic: { retry: { ...retry, backoffBaseMs: 100, backoffMaxMs: 100 } },
  });
  const startedMs = performance.now();
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
  // timers may be a millisecond early
  assert.ok(performance.now() - startedMs >= 198);
  caller.setTraffic({ retry: { ...retry, backoffBaseMs: 3_600_000, backoffMaxMs: 10 } });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
});
