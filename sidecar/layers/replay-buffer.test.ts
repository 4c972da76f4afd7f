import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeldBudget } from '../held-budget.ts';
import { ReplayBuffer } from './replay-buffer.ts';

function bodyOf(buffer: ReplayBuffer): Buffer {
  return Buffer.concat(buffer.pieces);
}

test('a body comes back as it was, also when the transport reuses what it read into', () => {
  const buffer = new ReplayBuffer<string>();
  const read = Buffer.from('hello, ');
  buffer.add(read);
  read.write('world! ');
  buffer.add(read.subarray(0, 6));
  read.fill(0);
  buffer.end('trailers');
  assert.equal(bodyOf(buffer).toString(), 'hello, world!');
  assert.equal(buffer.trailers, 'trailers');
  assert.equal(buffer.isComplete, true);
});

test('a request without a body is complete and holds nothing', () => {
  const buffer = new ReplayBuffer();
  assert.equal(buffer.isComplete, false);
  buffer.end(undefined);
  assert.deepEqual([buffer.isComplete, buffer.pieces, buffer.heldBytes], [true, [], 0]);
});

test('a body of the very limit is kept, one byte more is not', () => {
  const kept = new ReplayBuffer();
  kept.add(Buffer.alloc(65_535, 1));
  kept.add(Buffer.alloc(1, 2));
  kept.end(undefined);
  assert.deepEqual([kept.isComplete, kept.overflowed, bodyOf(kept).length], [true, false, 65_536]);

  const dropped = new ReplayBuffer();
  dropped.add(Buffer.alloc(65_536, 1));
  dropped.add(Buffer.alloc(1, 2));
  assert.deepEqual([dropped.overflowed, dropped.heldBytes, dropped.pieces], [true, 0, []]);
  dropped.add(Buffer.alloc(1));
  dropped.end('trailers');
  assert.deepEqual([dropped.isComplete, dropped.trailers, dropped.sizeBytes], [false, undefined, 0]);
});

test('a body announced as too large is not even begun', () => {
  const buffer = new ReplayBuffer();
  buffer.expect(65_537);
  buffer.add(Buffer.from('x'));
  assert.deepEqual([buffer.overflowed, buffer.heldBytes], [true, 0]);
});

test('an announcement within the limit changes nothing', () => {
  const buffer = new ReplayBuffer();
  buffer.expect(65_536);
  buffer.add(Buffer.from('x'));
  buffer.end(undefined);
  assert.equal(buffer.isComplete, true);
});

test('what is released is gone at once and stays gone', () => {
  const buffer = new ReplayBuffer();
  buffer.add(Buffer.from('secret'));
  buffer.release();
  assert.equal(buffer.heldBytes, 0);
  buffer.add(Buffer.from('more'));
  buffer.end(undefined);
  assert.deepEqual([buffer.isComplete, buffer.overflowed, buffer.pieces], [false, false, []]);
});

test('a complete body that is released takes its trailers along', () => {
  const buffer = new ReplayBuffer<string>();
  buffer.add(Buffer.from('a'));
  buffer.end('trailers');
  buffer.release();
  assert.deepEqual([buffer.isComplete, buffer.trailers, buffer.pieces], [false, undefined, []]);
});

test('bytes after the end are no part of the body', () => {
  const buffer = new ReplayBuffer();
  buffer.add(Buffer.from('a'));
  buffer.end(undefined);
  buffer.add(Buffer.from('b'));
  assert.equal(bodyOf(buffer).toString(), 'a');
});

test('a buffer used again knows nothing of the request before', () => {
  const buffer = new ReplayBuffer<string>();
  buffer.add(Buffer.alloc(70_000));
  buffer.reset();
  assert.equal(buffer.overflowed, false);
  buffer.add(Buffer.from('next'));
  buffer.end(undefined);
  assert.deepEqual([bodyOf(buffer).toString(), buffer.trailers], ['next', undefined]);
});

test('a body of single bytes costs no more than twice its weight, in few blocks', () => {
  const buffer = new ReplayBuffer();
  const byte = Buffer.alloc(1);
  for (let size = 1; size <= 65_536; size++) {
    buffer.add(byte);
    if (size % 4_096 === 0) assert.ok(buffer.heldBytes <= Math.max(2 * size, 1_024) + 1_024, `${size}`);
  }
  assert.equal(buffer.heldBytes, 65_536);
  assert.ok(buffer.pieces.length <= 8, String(buffer.pieces.length));
});

test('any pieces give the same body, or none when they are too many', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });
  fc.assert(
    fc.property(pieces, fc.nat(600), (given, limitBytes) => {
      const buffer = new ReplayBuffer(limitBytes);
      const whole = Buffer.concat(given);
      for (const piece of given) {
        const reused = Uint8Array.from(piece);
        buffer.add(reused);
        reused.fill(255);
        assert.ok(buffer.heldBytes <= limitBytes);
      }
      buffer.end(undefined);
      assert.equal(buffer.isComplete, whole.length <= limitBytes);
      assert.equal(buffer.overflowed, whole.length > limitBytes);
      assert.deepEqual(bodyOf(buffer), buffer.isComplete ? whole : Buffer.alloc(0));
    }),
  );
});

test('all buffers together hold no more than their budget, and give back what they held', () => {
  const budget = new HeldBudget(10_000);
  const first = new ReplayBuffer(65_536, budget);
  const second = new ReplayBuffer(65_536, budget);
  first.add(Buffer.alloc(8_000, 1));
  second.add(Buffer.alloc(1_000, 1));
  second.add(Buffer.alloc(2_000, 1));
  assert.deepEqual([first.overflowed, second.overflowed, second.heldBytes], [false, true, 0]);
  assert.equal(budget.leftBytes, 2_000);
  first.release();
  first.release();
  assert.equal(budget.leftBytes, 10_000);
  const third = new ReplayBuffer(65_536, budget);
  third.add(Buffer.alloc(9_000, 1));
  assert.equal(bodyOf(third).length, 9_000);
});
