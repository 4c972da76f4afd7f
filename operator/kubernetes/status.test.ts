import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition, PolicyStatus } from '../platform.ts';
import { canonicalJson } from './objects.ts';
import { keepTransitionTimes } from './status.ts';

const condition = (status: Condition['status'], lastTransitionTime: string): Condition => ({
  type: 'InForce',
  status,
  reason: 'r',
  message: '',
  observedGeneration: 1,
  lastTransitionTime,
});
const statusOf = (...conditions: Condition[]): PolicyStatus => ({
  observedGeneration: 1,
  conditions,
  proxies: { targeted: 0, inForce: 0, lagging: 0, refused: 0 },
  laggards: [],
});
const timeIn = (known: unknown, next: PolicyStatus) =>
  keepTransitionTimes(known, next).conditions[0]?.lastTransitionTime;

describe('keepTransitionTimes', () => {
  it('keeps the time while the status stays, also when the reason changes', () => {
    const next = { ...condition('True', 'new'), reason: 'other' };
    assert.equal(timeIn(statusOf(condition('True', 'old')), statusOf(next)), 'old');
  });
  it('takes the new time when the status changes', () => {
    assert.equal(timeIn(statusOf(condition('False', 'old')), statusOf(condition('True', 'new'))), 'new');
  });
  for (const known of [undefined, null, 'x', {}, { conditions: 'x' }, { conditions: [null, 1, {}] }]) {
    it(`takes the new time when it knows only ${JSON.stringify(known)}`, () => {
      assert.equal(timeIn(known, statusOf(condition('True', 'new'))), 'new');
    });
  }
});

describe('canonicalJson', () => {
  it('is the same whatever the order of keys, and not whatever the order of items', () => {
    assert.equal(canonicalJson({ a: 1, b: { c: 2, d: 3 } }), canonicalJson({ b: { d: 3, c: 2 }, a: 1 }));
    assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]));
  });
});
