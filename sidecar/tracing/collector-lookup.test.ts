import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookup } from './collector-lookup.ts';

test('a name is looked up in either form that is asked for', async () => {
  const all = await new Promise((resolve) => {
    lookup('127.0.0.1', { all: true }, (_error, addresses) => resolve(addresses));
  });
  assert.deepEqual(all, [{ address: '127.0.0.1', family: 4 }]);
  const one = await new Promise((resolve) => {
    lookup('127.0.0.1', { family: 4 }, (_error, address, family) => resolve([address, family]));
  });
  assert.deepEqual(one, ['127.0.0.1', 4]);
});

test('a name that stands for a link-local address is not found', async () => {
  const error = await new Promise<Error | null>((resolve) => {
    lookup('169.254.169.254', { all: true }, (failure) => resolve(failure));
  });
  assert.match(String(error?.message), /link-local/);
});
