import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { METRICS } from '../../api/metrics.ts';
import { Counters } from './counters.ts';
import { LabelSets } from './label-sets.ts';
import { slices } from './prometheus.ts';

test('series beyond the bound are counted together under other', () => {
  const counters = new Counters(METRICS.passthrough, 'X.', ['a'], { max: 2 });
  for (const name of ['one', 'two', 'three', 'four', 'one']) counters.get(name).add(1);
  assert.equal(
    [...slices([counters])].join(''),
    '# HELP weft_passthrough_total X.\n# TYPE weft_passthrough_total counter\n' +
      'weft_passthrough_total{a="one"} 2\nweft_passthrough_total{a="two"} 1\nweft_passthrough_total{a="other"} 2\n',
  );
  assert.equal(counters.sets.overflows, 2);
});

test('whoever fills one direction leaves room in the other', () => {
  const sets = new LabelSets({ create: (values) => values.join('/'), max: 2, boundedByFirst: true });
  for (let index = 0; index < 10; index += 1) sets.get(['inbound', `w${index}`]);
  assert.equal(sets.get(['outbound', 'mine']), 'outbound/mine');
  assert.deepEqual(sets.items, ['inbound/w0', 'inbound/w1', 'inbound/other', 'outbound/mine']);
});

test('values that run together differ all the same', () => {
  const sets = new LabelSets({ create: (values) => ({ values }), max: 10 });
  assert.notEqual(sets.get(['a', 'bc']), sets.get(['ab', 'c']));
  assert.notEqual(sets.get(['a|b', 'c']), sets.get(['a', 'b|c']));
  assert.notEqual(sets.get(['', 'a']), sets.get(['a', '']));
  assert.equal(sets.items.length, 6);
});

test('equal values find one item, whatever was looked up in between, and never more than the bound', () => {
  const word = fc.constantFrom('', 'a', 'b', 'c', 'other', '__proto__', 'constructor');
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word, word)), fc.integer({ min: 1, max: 20 }), (paths, max) => {
      const sets = new LabelSets({ create: (values) => values.join(), max });
      const scratch = ['', '', ''];
      for (const path of paths) {
        scratch.splice(0, 3, ...path);
        const found = sets.get(scratch);
        assert.ok(found === path.join() || found === 'other,other,other');
        assert.equal(sets.get(path), found);
      }
      assert.ok(sets.items.length <= max + 1);
      assert.equal(new Set(sets.items).size, sets.items.length);
    }),
  );
});

test('a value longer than any name is cut, and two that are cut to the same are one', () => {
  const sets = new LabelSets({ create: (values) => values[0]!, max: 10 });
  const long = 'x'.repeat(10_000);
  assert.equal(sets.get([`${long}1`]).length, 256);
  sets.get([`${long}2`]);
  assert.equal(sets.items.length, 1);
});
