import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition, PolicyStatus } from '../platform.ts';
import { policy } from '../testing/builders.ts';
import { policyEvents } from './policy-event.ts';

const POLICY = policy('shop/a', { inbound: { mtls: { mode: 'Strict' } } }, { generation: 3 });
const WELL: Readonly<Record<Condition['type'], string>> = {
  Accepted: 'True Accepted',
  ResolvedRefs: 'True ResolvedRefs',
  InForce: 'True InForce',
  Conflicted: 'False NoConflicts',
};

/** Each condition as `status reason message`. */
function statusWith(changed: Partial<Record<Condition['type'], string>>): PolicyStatus {
  const conditions = Object.entries({ ...WELL, ...changed }).map(([type, text]) => {
    const [status, reason = '', message = 'as before'] = text.split(' ');
    return { type, status, reason, message, observedGeneration: 3, lastTransitionTime: '' } as Condition;
  });
  const proxies = { targeted: 0, inForce: 0, lagging: 0, refused: 0 };
  return { observedGeneration: 3, conditions, proxies, laggards: [] };
}

const told = (
  before: Partial<Record<Condition['type'], string>> | undefined,
  now: Partial<Record<Condition['type'], string>>,
) =>
  policyEvents(POLICY, before && statusWith(before), statusWith(now)).map(
    ({ type, reason, message }) => `${type} ${reason}: ${message}`,
  );

describe('the owner of a policy is told', () => {
  for (const [what, trouble, well] of [
    ['not accepted', { Accepted: 'False Invalid m' }, 'Accepted: generation 3 was accepted'],
    ['without its references', { ResolvedRefs: 'False BackendNotFound m' }, 'ResolvedRefs: as before'],
    ['overruled', { Conflicted: 'True OverruledByOlder m' }, 'NoConflicts: as before'],
    ['refused by proxies', { InForce: 'False Refused m' }, 'InForce: as before'],
  ] as const) {
    it(`once when it is ${what}, and once when that is over`, () => {
      const [reason] = Object.values(trouble)[0]!.split(' ').slice(1);
      const message = what === 'not accepted' ? 'generation 3 was not accepted: m' : 'm';
      assert.deepEqual(told(undefined, trouble), [`Warning ${reason}: ${message}`]);
      assert.deepEqual(told({}, trouble), [`Warning ${reason}: ${message}`]);
      assert.deepEqual(told(trouble, trouble), []);
      assert.deepEqual(told(trouble, {}), [`Normal ${well}`]);
    });
  }

  it('of another reason, and of another message where it is about what the owner wrote', () => {
    const of = (type: Condition['type'], text: string) => ({ [type]: text });
    const references = [of('ResolvedRefs', 'False A m'), of('ResolvedRefs', 'False B m')] as const;
    assert.deepEqual(told(...references), ['Warning B: m']);
    assert.deepEqual(told(of('ResolvedRefs', 'False A m'), of('ResolvedRefs', 'False A n')), []);
    const accepted = [of('Accepted', 'False A m'), of('Accepted', 'False A n')] as const;
    assert.deepEqual(told(...accepted), ['Warning A: generation 3 was not accepted: n']);
  });

  it('of all that happened at once', () => {
    const both = { ResolvedRefs: 'False BackendNotFound m', Conflicted: 'True OverruledByOlder m' };
    assert.deepEqual(told({}, both), ['Warning BackendNotFound: m', 'Warning OverruledByOlder: m']);
  });

  it('nothing while all is well, of what passes by itself, and of what is not known yet', () => {
    assert.deepEqual(told(undefined, {}), []);
    assert.deepEqual(told({}, { InForce: 'False Lagging' }), []);
    assert.deepEqual(told({ InForce: 'False Lagging' }, {}), []);
    assert.deepEqual(told({ InForce: 'False Refused' }, { InForce: 'Unknown Collecting' }), []);
  });
});
