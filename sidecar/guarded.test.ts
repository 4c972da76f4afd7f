import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { isGuarded, patienceMs } from './guarded.ts';

const config = (mtls: 'Strict' | 'Permissive', mode?: 'AllowAll' | 'AllowListed') =>
  ({
    inbound: { ports: [{ port: 80, mtls: 'Strict' }, { mtls }], rules: [] },
    ...(mode && { egress: { mode, hosts: [] } }),
  }) as unknown as ProxyConfig;

test('who is Strict, or may reach only what is listed, is guarded, and waits longer for it cannot go on', () => {
  for (const guarded of [config('Strict'), config('Permissive', 'AllowListed')]) {
    assert.equal(isGuarded(guarded), true);
    assert.equal(patienceMs(guarded), 5_000);
  }
  for (const other of [config('Permissive'), config('Permissive', 'AllowAll')]) {
    assert.equal(isGuarded(other), false);
    assert.equal(patienceMs(other), 1_000);
  }
  assert.equal(patienceMs(undefined), 1_000);
});
