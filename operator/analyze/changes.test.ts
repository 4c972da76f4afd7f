import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EffectiveValue } from '../../api/analysis.ts';
import { changesOf } from './changes.ts';

const origin = { policy: 'shop/p', generation: 1, field: 'spec.x' };
const value = (path: string, of: unknown, port?: number): EffectiveValue => ({
  ...{ path, value: of, origin, lost: [] },
  ...(port !== undefined && { port }),
});
const anyValue = fc.jsonValue({ maxDepth: 3 });
const anyValues = fc
  .array(
    fc.tuple(
      fc.constantFrom('inbound.mtls', 'inbound.a', 'egress.mode'),
      fc.constantFrom(undefined, 80, 81),
      anyValue,
    ),
  )
  .map((list) => list.map(([path, port, of]) => value(path, of, port)));

describe('changes between values', () => {
  it('are none between equals', () => {
    fc.assert(
      fc.property(anyValues, (values) => assert.deepEqual(changesOf(values, structuredClone(values)), [])),
    );
  });

  it('are the same both ways, with before and after exchanged', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        const there = changesOf([value('x', a)], [value('x', b)]);
        const back = changesOf([value('x', b)], [value('x', a)]);
        const key = ({ path, before, after }: (typeof there)[number]) =>
          JSON.stringify([path, before, after]);
        const exchanged = back.map(({ path, before, after }) => JSON.stringify([path, after, before]));
        assert.deepEqual(there.map(key).sort(), exchanged.sort());
      }),
    );
  });

  it('tell what an object has from what every object has', () => {
    const there = changesOf([value('x', { toString: null })], [value('x', {})]);
    assert.deepEqual(
      there.map(({ path, before, after }) => [path, before, after]),
      [['x.toString', null, undefined]],
    );
  });

  it('of a port are left out where every port changes in the same way', () => {
    const before = [value('inbound.mtls', 'Permissive'), value('inbound.mtls', 'Permissive', 80)];
    const after = [value('inbound.mtls', 'Strict'), value('inbound.mtls', 'Strict', 80)];
    assert.deepEqual(
      changesOf(before, after).map(({ port }) => port),
      [undefined],
    );
  });

  it('tell two rules of one name apart by their policies', () => {
    const rule = (policy: string, action: string) => ({
      ...value('inbound.authorization.rules[r]', { action }),
      origin: { ...origin, policy },
    });
    const changes = changesOf([rule('shop/a', 'Deny'), rule('shop/b', 'Allow')], [rule('shop/a', 'Deny')]);
    assert.deepEqual(
      changes.map(({ before, originBefore }) => [before, originBefore?.policy]),
      [[{ action: 'Allow' }, 'shop/b']],
    );
  });
});
