import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeaderNames } from './header-names.ts';

const OWN = [':method', 'content-length'];

/** Names of which ten may be known, two of them our own. */
function create(): HeaderNames {
  const names = new HeaderNames(10);
  for (const text of OWN) names.own(text);
  return names;
}
function junk(names: HeaderNames, count: number, from = 0): void {
  for (let index = from; index < from + count; index += 1) names.get(`x-junk-${index}`);
}

test('a name that comes again is the same', () => {
  const names = create();
  const name = names.get('x-a');
  assert.equal(names.get('x-a'), name);
  assert.equal(names.own(':method'), names.get(':method'));
  assert.deepEqual([name.text, names.size], ['x-a', 3]);
});

test('no more names are known than there are places, whatever a peer invents', () => {
  const names = create();
  junk(names, 1_000);
  assert.equal(names.size, 10);
});

test('numbers stay below the number of places, and no two known names share one', () => {
  const names = create();
  junk(names, 1_000);
  const known = [...OWN, ...Array.from({ length: 8 }, (_, index) => `x-junk-${992 + index}`)];
  const ids = known.map((text) => names.get(text).id);
  assert.deepEqual(
    ids.sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test('a new name gets a place though junk had them all', () => {
  const names = create();
  junk(names, 100);
  const name = names.get('x-real');
  assert.notEqual(name.id, -1);
  assert.equal(names.get('x-real'), name);
});

test('junk does not push out a name that is used now and then', () => {
  const names = create();
  const name = names.get('x-real');
  for (let use = 0; use < 3; use += 1) names.get('x-real');
  for (let round = 0; round < 50; round += 1) {
    // twice as many as there are places
    junk(names, 20, round * 20);
    for (let use = 0; use < 3; use += 1) assert.equal(names.get('x-real'), name, `round ${round}`);
  }
});

test('junk does not push out names that are our own', () => {
  const names = create();
  const [method] = OWN.map((text) => names.get(text));
  junk(names, 1_000);
  assert.equal(names.get(':method'), method);
});

test('junk that comes again and again gives its place to new names when it stops', () => {
  const names = create();
  for (let turn = 0; turn < 10; turn += 1) junk(names, 8);
  const late = names.get('x-late');
  for (let use = 0; use < 3; use += 1) names.get('x-late');
  junk(names, 8, 100);
  assert.equal(names.get('x-late'), late);
});

test('a name that is very long takes no place', () => {
  const names = create();
  assert.equal(names.get('x'.repeat(65)).id, -1);
  assert.notEqual(names.get('x'.repeat(64)).id, -1);
  assert.equal(names.size, 3);
});
