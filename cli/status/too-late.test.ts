import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyView } from '../access/access.ts';
import { condition, policy } from './policy.fixture.ts';
import { tooLateText } from './too-late.ts';

const MISSING = condition('InForce', 'False', {
  reason: 'TargetNotFound',
  message: 'Service shop/paymnts does not exist',
});
const endOf = (change: Partial<PolicyView>, folder?: string) =>
  tooLateText(policy(change), { condition: 'InForce', timeout: '60s', folder });

const OPERATOR = ['weft: not in 60s', 'is the operator running? kubectl -n weft-system get pods'];

describe('the end of a wait that was too long', () => {
  it('says what the operator has answered, and not to look for the operator', () => {
    const said =
      'the operator has answered: InForce is False (TargetNotFound): Service shop/paymnts does not exist';
    assert.deepEqual(endOf({ conditions: [MISSING] }), [
      'weft: not in 60s',
      said,
      'what to do about it: weft check -n shop',
    ]);
    assert.deepEqual(endOf({ conditions: [MISSING] }, 'mesh'), [
      'weft: not in 60s',
      said,
      'what to do about it: weft check --folder mesh',
    ]);
  });

  it('says the reason alone where there is no message', () => {
    const conditions = [condition('InForce', 'Unknown', { reason: 'Waiting', message: '' })];
    assert.equal(endOf({ conditions })[1], 'the operator has answered: InForce is Unknown (Waiting)');
  });

  for (const [what, change] of Object.entries<Partial<PolicyView>>({
    'nothing is said': { conditions: [] },
    'nothing is said of this condition': { conditions: [condition('Accepted', 'True')] },
    'the status is of an older generation': { conditions: [MISSING], observedGeneration: 2 },
    'the condition is of an older generation': { conditions: [{ ...MISSING, observedGeneration: 2 }] },
    'the policy has not been read': { conditions: [MISSING], generation: undefined },
  })) {
    it(`asks for the operator where ${what}`, () => assert.deepEqual(endOf(change), OPERATOR));
  }

  it('asks for the document without Kubernetes', () =>
    assert.deepEqual(endOf({ conditions: [] }, 'mesh'), [
      'weft: not in 60s',
      'is the document valid? weft check --folder mesh',
    ]));

  it('names the proxies that lag', () => {
    const laggards = [{ pod: 'shop/web-1', since: '2026-01-01T00:00:00Z', reason: 'disconnected' }];
    assert.deepEqual(endOf({ conditions: [MISSING], laggards }).slice(0, 2), [
      'weft: not in 60s',
      '  shop/web-1 since 2026-01-01T00:00:00Z: disconnected',
    ]);
  });
});
