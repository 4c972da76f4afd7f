import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';

/** Keys in reverse, at every depth. */
function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  const members = Object.entries(value).reverse();
  return Object.fromEntries(members.map(([name, inner]) => [name, reversed(inner)]));
}

describe('canonical JSON', () => {
  it('is JSON of the same value, and does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = canonicalJson(value);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
        assert.equal(canonicalJson(reversed(value)), text);
      }),
    );
  });

  it('sorts keys by code unit, numbers too, and leaves out what is undefined', () => {
    assert.equal(
      canonicalJson({ b: 1, a: undefined, 9: [undefined, null], 10: 'ü"' }),
      '{"10":"ü\\"","9":[null,null],"b":1}',
    );
    assert.equal(canonicalJson(undefined), 'null');
  });
});
