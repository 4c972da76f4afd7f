import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echoHead, inbound, last, start } from '../testing/harness.ts';
import { talk } from '../testing/wire.ts';
import { AccessLog } from './access-log.ts';

test('a request that succeeds builds no entry of the access log, one that fails builds one', async (t) => {
  const written = t.mock.method(AccessLog.prototype, 'write');
  const dates = t.mock.method(Date.prototype, 'toISOString');
  const rule = { name: 'no-admin', policy: 'shop/api', action: 'Deny', mode: 'Enforce' } as const;
  const pair = await start(await echoHead(), {
    inbound: inbound([{ ...rule, to: [{ paths: ['/admin'] }] }]),
  });
  const before = dates.mock.callCount();
  assert.match(await talk(pair.port, last('/fine')), /^HTTP\/1.1 200/);
  assert.deepEqual([written.mock.callCount(), dates.mock.callCount() - before], [0, 0]);
  assert.match(await talk(pair.port, last('/admin')), /^HTTP\/1.1 403/);
  assert.deepEqual([written.mock.callCount() > 0, dates.mock.callCount() > before], [true, true]);
});
