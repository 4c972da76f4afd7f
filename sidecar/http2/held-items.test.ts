import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeldItems } from './held-items.ts';

const shown = (item: object) => (Buffer.isBuffer(item) ? item.toString('latin1') : item);

/** All that is held; bytes as text, one letter a byte. */
function all(held: HeldItems): (string | object)[] {
  const taken: (string | object)[] = [];
  for (let item = held.take(); item !== undefined; item = held.take()) taken.push(shown(item));
  return taken;
}

/** However it was cut into pieces. */
function joined(items: readonly (string | object)[]): (string | object)[] {
  const merged: (string | object)[] = [];
  for (const item of items) {
    if (typeof item === 'string' && typeof merged.at(-1) === 'string') merged.push(merged.pop() + item);
    else merged.push(item);
  }
  return merged;
}

const STEP = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 3_000, unit: 'binary-ascii' }) },
  { weight: 1, arbitrary: fc.record({ head: fc.nat() }) },
  { weight: 2, arbitrary: fc.constant(undefined) },
);

/** `undefined`: one is taken. Returns what was taken, in the end all. */
function follow(steps: readonly (string | object | undefined)[]): (string | object)[] {
  const held = new HeldItems();
  const taken: (string | object)[] = [];
  for (const step of steps) {
    if (typeof step === 'string') held.pushBytes(Buffer.from(step, 'latin1'));
    else if (step !== undefined) held.push(step);
    else if (!held.isEmpty) taken.push(shown(held.take()!));
    if (held.isEmpty) held.clear();
  }
  return [...taken, ...all(held)];
}

test('what is held comes back whole and in its order, however it came and was taken', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      const given = steps.filter((step) => step !== undefined);
      assert.deepEqual(joined(follow(steps)), joined(given));
    }),
  );
});

test('many small pieces are few large ones', () => {
  const held = new HeldItems();
  for (let count = 0; count < 65_535; count += 1) held.pushBytes(Buffer.from('x'));
  const pieces = all(held) as string[];
  assert.ok(pieces.length < 12, `${pieces.length}`);
  assert.equal(pieces.join('').length, 65_535);
});

test('a piece is copied, and what was taken stays as it was', () => {
  const held = new HeldItems();
  const piece = Buffer.from('first');
  held.pushBytes(piece);
  held.pushBytes(piece);
  piece.fill('-');
  assert.equal((held.take() as Buffer).toString(), 'first');
  const second = held.take() as Buffer;
  held.pushBytes(Buffer.from('third'));
  assert.equal(second.toString(), 'first');
  assert.deepEqual(all(held), ['third']);
});

test('what is cleared is gone, and what comes then is held', () => {
  const held = new HeldItems();
  held.pushBytes(Buffer.from('a'));
  held.push({});
  held.clear();
  assert.equal(held.isEmpty, true);
  assert.equal(held.take(), undefined);
  held.pushBytes(Buffer.from('b'));
  assert.deepEqual(all(held), ['b']);
});
