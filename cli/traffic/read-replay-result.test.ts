import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readReplayResult } from './read-replay-result.ts';

const CHANGE = {
  ...{ kind: 'denied', direction: 'inbound', caller: 'c', at: 'a', method: 'GET', path: '/', from: 'f' },
  ...{ to: 't', count: 1 },
};
const GOOD = {
  ...{
    proxyId: 'p',
    kept: 1,
    keptSinceMs: 1,
    judged: 1,
    unchanged: 0,
    notJudged: 0,
    notListed: 0,
    notes: ['n'],
  },
  changes: [CHANGE],
};

it('verdicts of a sidecar are taken as they are', () => {
  assert.deepEqual(readReplayResult(GOOD), GOOD);
});

for (const [what, answer] of [
  ['nothing', undefined],
  ['text', 'fine'],
  ['a list', []],
  ['no count', { ...GOOD, judged: undefined }],
  ['no count of what was left out', { ...GOOD, notJudged: undefined }],
  ['a count below zero', { ...GOOD, kept: -1 }],
  ['a count that is none', { ...GOOD, unchanged: 1.5 }],
  ['a time that is none', { ...GOOD, keptSinceMs: 'long ago' }],
  ['notes that are none', { ...GOOD, notes: [1] }],
  ['changes that are no list', { ...GOOD, changes: {} }],
  ['a change that is none', { ...GOOD, changes: [null] }],
  ['an unknown kind', { ...GOOD, changes: [{ ...CHANGE, kind: 'constructor' }] }],
  ['an unknown direction', { ...GOOD, changes: [{ ...CHANGE, direction: 'up' }] }],
  ['a path that is none', { ...GOOD, changes: [{ ...CHANGE, path: {} }] }],
  ['a change that is counted in words', { ...GOOD, changes: [{ ...CHANGE, count: 'two' }] }],
] as const) {
  it(`${what} is not verdicts`, () => {
    assert.throws(() => readReplayResult(answer), /something else than verdicts/);
  });
}
