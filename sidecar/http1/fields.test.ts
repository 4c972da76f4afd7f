import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mayHaveAlikes } from './field-names.ts';
import { FieldLines, type Fields } from './fields.ts';

/** Two lines that came, and behind them those that were added. */
function fields(...added: readonly (readonly [string, string])[]): Fields {
  const fields = new FieldLines();
  fields.read('X-A: came\r\nx-b:  other \r\n', 0);
  for (const [name, value] of added) fields.add(name, value);
  return fields;
}

describe('fields that were added', () => {
  it('are found in any case, behind those that came', () => {
    const all = fields(['X-A', 'added'], ['Content-Type', 'a/b; c="d: e"'], ['x-a', '']);
    assert.equal(all.get('x-a'), 'came');
    assert.deepEqual(all.getAll('x-a'), ['came', 'added', '']);
    assert.equal(all.get('content-type'), 'a/b; c="d: e"');
    assert.deepEqual(all.getAll('x-b'), ['other']);
  });

  it('are found by their whole name alone, and never in a value', () => {
    const all = fields(['x-long', 'x-l: no'], ['x-l', 'yes'], ['x-last', ': x-none: no']);
    assert.equal(all.get('x-l'), 'yes');
    assert.deepEqual(all.getAll('x-l'), ['yes']);
    for (const name of ['x-lo', 'x-none', 'long', '']) {
      assert.equal(all.get(name), undefined, name);
      assert.deepEqual(all.getAll(name), [], name);
    }
  });

  it('are taken out by name, and the others stay as they are', () => {
    const all = fields(['x-a', '1'], ['X-C', '2'], ['x-a', '3'], ['x-d', 'x-a: 4']);
    all.remove('x-a');
    assert.equal(all.serialize(), 'x-b: other\r\nX-C: 2\r\nx-d: x-a: 4\r\n');
    all.removeWhere((name) => name === 'x-c' || name === 'x-b');
    assert.equal(all.serialize(), 'x-d: x-a: 4\r\n');
  });
});

describe('names that applications behind gateways do not tell apart', () => {
  const came = new FieldLines();
  came.read('X_A: 1\r\nx-a: 2\r\nx.A: 3\r\nxaa: 4\r\nx_ab: 5\r\nx_a: 6\r\n', 0);
  it('are those with another sign in the same place, and not the name itself', () => {
    assert.deepEqual(came.getAlikes('x-a'), ['1', '3', '6']);
    assert.deepEqual(came.getAlikes('x_a'), ['2', '3']);
    assert.deepEqual(came.getAlikes('xaa'), []);
  });
  it('are none once they are taken out', () => {
    const copy = came.copy();
    copy.remove('x_a');
    assert.deepEqual(copy.getAlikes('x-a'), ['3']);
  });
  it('there are only of names with a sign', () => {
    assert.deepEqual(['x-a', 'a_b', 'authorization', 'x9', ''].map(mayHaveAlikes), [
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
