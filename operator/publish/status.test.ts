import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { References } from '../compile/references.ts';
import { policy } from '../testing/builders.ts';
import { computeStatus, type Holder, type StatusInput } from './status.ts';

const NOW = Date.UTC(2026, 5, 1, 12);
const POLICY = policy('shop/a', { inbound: { mtls: { mode: 'Strict' } } }, { generation: 3 });
const ACCEPTED = { accepted: true, reason: 'Accepted', message: 'the policy is valid' } as const;
const RESOLVED = { status: 'True', reason: 'ResolvedRefs', message: 'it exists' } as const;
const MISSING: References = {
  status: 'False',
  reason: 'TargetNotFound',
  message: 'Service shop/nosuch does not exist',
};
const holder = (pod: string, state: Holder['state'] = 'InForce', sinceMs = NOW): Holder => ({
  pod,
  state,
  sinceMs,
  reason: state,
});

function status(rest: Partial<StatusInput> = {}) {
  return computeStatus({
    ...{ policy: POLICY, acceptance: ACCEPTED, generationInForce: 3, holders: [], conflicts: [] },
    references: RESOLVED,
    ...{ collecting: false, replaying: false, previous: undefined, nowMs: NOW },
    ...rest,
  });
}
function condition(type: string, rest: Partial<StatusInput> = {}) {
  const { status: value, reason, message } = status(rest).conditions.find((each) => each.type === type)!;
  return { value, reason, message };
}

describe('the status of a policy', () => {
  it('is in force when every proxy holds it', () => {
    const holders = [holder('a'), holder('b')];
    assert.deepEqual(condition('InForce', { holders }), {
      value: 'True',
      reason: 'InForce',
      message: 'in force on 2 of 2 proxies',
    });
    assert.deepEqual(status({ holders }).proxies, { targeted: 2, inForce: 2, lagging: 0, refused: 0 });
  });
  it('is in force when it is about nobody, and says so', () => {
    assert.equal(condition('InForce').value, 'True');
    assert.equal(condition('InForce').reason, 'NoTargets');
  });
  it('is not in force when it is about nobody because what it names does not exist', () => {
    const missing = { value: 'False', reason: 'TargetNotFound', message: MISSING.message };
    assert.deepEqual(condition('ResolvedRefs', { references: MISSING }), missing);
    assert.deepEqual(condition('InForce', { references: MISSING }), missing);
    assert.equal(condition('ResolvedRefs').value, 'True');
  });
  it('is in force on whom it is about, also when one of its ports does not exist', () => {
    assert.equal(condition('InForce', { references: MISSING, holders: [holder('a')] }).reason, 'InForce');
  });
  it('is not in force while a proxy lags, which is named with since when', () => {
    const holders = [holder('a'), holder('b', 'Lagging'), holder('c', 'NotConnected', NOW - 60_000)];
    assert.deepEqual(condition('InForce', { holders }), {
      value: 'False',
      reason: 'Lagging',
      message: 'in force on 1 of 3 proxies',
    });
    assert.deepEqual(status({ holders }).laggards, [
      { pod: 'c', since: '2026-06-01T11:59:00Z', reason: 'NotConnected' },
      { pod: 'b', since: '2026-06-01T12:00:00Z', reason: 'Lagging' },
    ]);
    assert.deepEqual(status({ holders }).proxies, { targeted: 3, inForce: 1, lagging: 2, refused: 0 });
  });
  it('is refused when a proxy refuses, even while others are still to be heard', () => {
    const holders = [holder('a', 'Refused'), holder('b', 'Lagging')];
    assert.equal(condition('InForce', { holders, collecting: true }).reason, 'Refused');
    assert.deepEqual(status({ holders }).proxies, { targeted: 2, inForce: 0, lagging: 1, refused: 1 });
  });
  it('is unknown while other replicas have not reported, even if all that is known is in force', () => {
    const holders = [holder('a')];
    assert.equal(condition('InForce', { holders, replaying: true }).value, 'Unknown');
    assert.equal(condition('InForce', { holders: [], replaying: true }).reason, 'Collecting');
    assert.equal(condition('InForce', { holders: [holder('a', 'Refused')], replaying: true }).value, 'False');
  });
  it('is unknown while sidecars have not had time to connect', () => {
    assert.equal(
      condition('InForce', { holders: [holder('a', 'NotConnected')], collecting: true }).value,
      'Unknown',
    );
  });
  it('names at most five laggards', () => {
    const holders = Array.from({ length: 9 }, (_, index) => holder(`p${index}`, 'Lagging'));
    assert.equal(status({ holders }).laggards.length, 5);
  });
  it('that is not accepted says what stays in force', () => {
    const acceptance = { accepted: false, reason: 'Invalid', message: 'spec.x: unknown field' } as const;
    assert.deepEqual(condition('Accepted', { acceptance }), {
      value: 'False',
      reason: 'Invalid',
      message: 'spec.x: unknown field',
    });
    assert.match(
      condition('InForce', { acceptance, generationInForce: undefined }).message,
      /nothing is in force/,
    );
  });
  it('that is not accepted counts the proxies that hold the older generation', () => {
    const acceptance = { accepted: false, reason: 'Invalid', message: 'spec.x: unknown field' } as const;
    const holders = [holder('a'), holder('b', 'Lagging')];
    const rest = { acceptance, generationInForce: 2, holders };
    assert.deepEqual(condition('InForce', rest), {
      value: 'False',
      reason: 'OlderGenerationInForce',
      message: 'generation 2 is in force on 1 of 2 proxies; generation 3 was not accepted',
    });
    const { proxies, laggards } = status(rest);
    assert.deepEqual(proxies, { targeted: 2, inForce: 1, lagging: 1, refused: 0 });
    assert.deepEqual(
      laggards.map(({ pod }) => pod),
      ['b'],
    );
  });
  it('says of a laggard since when it is one, whatever happened to it meanwhile', () => {
    const first = status({ holders: [holder('a', 'NotConnected')] });
    const later = { holders: [holder('a', 'Lagging', NOW + 9_000)], nowMs: NOW + 9_000 };
    assert.deepEqual(status({ ...later, previous: first }).laggards, [
      { pod: 'a', since: '2026-06-01T12:00:00Z', reason: 'Lagging' },
    ]);
    const held = status({ holders: [holder('a')], previous: first });
    assert.equal(status({ ...later, previous: held }).laggards[0]?.since, '2026-06-01T12:00:09Z');
  });
  for (const since of ['yesterday', '2999-01-01T00:00:00Z']) {
    it(`does not believe that a laggard is one since ${since}`, () => {
      const previous = { ...status(), laggards: [{ pod: 'a', since, reason: '' }] };
      const { laggards } = status({ holders: [holder('a', 'Lagging')], previous });
      assert.equal(laggards[0]?.since, '2026-06-01T12:00:00Z');
    });
  }
  it('names who overrules it', () => {
    const conflicts = [{ loser: 'shop/a', winner: 'shop/b', field: 'spec.inbound.mtls.mode' }];
    const { value, message } = condition('Conflicted', { conflicts });
    assert.equal(value, 'True');
    assert.match(message, /spec\.inbound\.mtls\.mode is overruled by shop\/b/);
  });
  it('names the mandatory policy that it would weaken, before any other that overrules it', () => {
    const older = { loser: 'shop/a', winner: 'shop/b', field: 'spec.egress.mode' };
    const mandatory = { ...older, winner: 'weft-system/m', field: 'spec.inbound.mtls.mode' };
    const conflicts = [older, { ...mandatory, mandatory: true as const }];
    assert.deepEqual(condition('Conflicted', { conflicts }), {
      ...{ value: 'True', reason: 'OverruledByMandatory' },
      message: 'mandatory, and not to be weakened: spec.inbound.mtls.mode is overruled by weft-system/m',
    });
  });
  it('keeps the time of a transition until there is another', () => {
    const first = status({ holders: [holder('a')] });
    const later = status({ holders: [holder('a', 'Lagging')], previous: first, nowMs: NOW + 5_000 });
    const times = Object.fromEntries(
      later.conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    );
    assert.equal(times.Accepted, '2026-06-01T12:00:00Z');
    assert.equal(times.InForce, '2026-06-01T12:00:05Z');
  });
  it('observes the newest generation in every condition', () => {
    assert.deepEqual(
      status().conditions.map((each) => each.observedGeneration),
      [3, 3, 3, 3],
    );
    assert.equal(status().observedGeneration, 3);
  });
});
