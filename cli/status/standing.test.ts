import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyView } from '../access/access.ts';
import { condition, policy } from './policy.fixture.ts';
import { type Standing, standing } from './standing.ts';

const laggards = [{ pod: 'shop/web-1', since: '2026-01-01T00:00:00Z', reason: 'disconnected' }];

const CASES: readonly [what: string, view: PolicyView, state: Standing['state'], text: string][] = [
  [
    'is so when it is true of the newest generation',
    policy(),
    'yes',
    'generation 3 in force on 2 of 2 proxies',
  ],
  [
    'is not yet so when the operator has not read the file',
    policy({ generation: undefined }),
    'not yet',
    'the operator has not read it as it is now',
  ],
  [
    'is not yet so when the status is of an older generation, though it says True',
    policy({ observedGeneration: 2 }),
    'not yet',
    'the operator has not seen generation 3',
  ],
  [
    'is not yet so when the condition is of an older generation',
    policy({
      conditions: [condition('Accepted', 'True'), condition('InForce', 'True', { observedGeneration: 2 })],
    }),
    'not yet',
    'generation 3 InForce is True',
  ],
  [
    'never comes to be when the generation is not accepted, though the one before is in force',
    policy({
      conditions: [
        condition('Accepted', 'False', { reason: 'Invalid', message: 'bad' }),
        condition('InForce', 'True'),
      ],
    }),
    'never',
    'generation 3 is not accepted (Invalid): bad',
  ],
  [
    'names those it waits for',
    policy({ conditions: [condition('InForce', 'False', { message: 'on 1 of 2' })], laggards }),
    'not yet',
    'generation 3 on 1 of 2; waiting for shop/web-1',
  ],
  [
    'is not yet so when nothing is said',
    policy({ conditions: [] }),
    'not yet',
    'generation 3 nothing is said of InForce',
  ],
  [
    'is told by its reason when there is no message',
    policy({ conditions: [condition('InForce', 'True', { message: '', reason: 'NoTargets' })] }),
    'yes',
    'generation 3 NoTargets',
  ],
];

describe('whether a condition is so', () => {
  for (const [what, view, state, text] of CASES) {
    it(what, () => {
      assert.deepEqual(standing(view, 'InForce'), { state, text: `policy shop/payments: ${text}` });
    });
  }
});
