import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { upgradeText } from './upgrade-text.ts';

const POD = { namespace: 'shop', workload: 'ReplicaSet/web-1', from: 'weft:1' };

describe('what is said of an upgrade', () => {
  it('is a line for each pod that did not have the image, and a sum', () => {
    const pods = [
      { ...POD, name: 'a', outcome: 'Upgraded', tookMs: 10_440 },
      { ...POD, name: 'b', outcome: 'Kept', reason: 'ErrImagePull' },
      { ...POD, name: 'c', outcome: 'Current' },
    ] as const;
    assert.deepEqual(upgradeText({ image: 'weft:2', dryRun: false, pods }), [
      'shop/a: upgraded in 10.4 s',
      'shop/b: kept as it was (ErrImagePull)',
      'weft:2: 3 sidecars, 1 upgraded, 1 kept as it was, 1 up to date',
    ]);
  });

  it('says that there is nothing to do', () => {
    assert.deepEqual(upgradeText({ image: 'weft:2', dryRun: true, pods: [] }), [
      'weft:2: 0 sidecars, none runs here',
    ]);
  });
});
