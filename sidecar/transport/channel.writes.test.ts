import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { open, turn } from './fake-handle.fixture.ts';

const HIGH_WATER = 64 * 1024;

test('small writes of one turn leave in one write, in their order', async () => {
  const { handle, channel } = open();
  channel.write('one ');
  channel.write(Buffer.from('two '));
  channel.write('three');
  assert.deepEqual(handle.written, []);
  await turn();
  assert.deepEqual(handle.written, ['one two three']);
});

test('what is written while bytes are handled has left when they are', () => {
  const { handle, channel } = open({
    onData: (bytes) => {
      channel.write('got ');
      channel.write(bytes);
      assert.deepEqual(handle.written, []);
    },
  });
  channel.resume();
  handle.give('this');
  assert.deepEqual(handle.written, ['got this']);
});

test('a large write takes the small ones before it along, and those after it follow', async () => {
  const { handle, channel } = open();
  const large = 'x'.repeat(20_000);
  channel.write('before ');
  channel.write(Buffer.from(large));
  assert.deepEqual(handle.written, [`before ${large}`]);
  channel.write('after');
  await turn();
  assert.equal(handle.text, `before ${large}after`);
});

test('text is written as latin1, byte for byte', async () => {
  const { handle, channel } = open();
  channel.write('\u00e9\u00ff');
  channel.write(Buffer.from([0xe9, 0x00, 0xff]));
  await turn();
  assert.equal(handle.text, '\u00e9\u00ff\u00e9\u0000\u00ff');
});

test('writing nothing writes nothing', async () => {
  const { handle, channel } = open();
  assert.equal(channel.write(''), true);
  assert.equal(channel.write(Buffer.alloc(0)), true);
  await turn();
  assert.deepEqual(handle.written, []);
});

const step = fc.oneof(
  fc.record({
    type: fc.constantFrom('give' as const, 'text' as const),
    size: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 65_536 })),
  }),
  fc.record({
    type: fc.constantFrom('complete' as const, 'slow' as const, 'quick' as const, 'turn' as const),
  }),
);

test('whatever is read, written back and written besides leaves once and in order, though the read buffer is used again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let expected = '';
      const take = (text: string) => {
        expected += text;
        return text;
      };
      const { handle, channel } = open({
        onData: (bytes) => {
          take(bytes.toString('latin1'));
          channel.write(bytes);
        },
      });
      const textOf = (index: number, size: number) => String.fromCharCode(97 + (index % 26)).repeat(size);
      channel.resume();
      for (const [index, one] of steps.entries()) {
        if (one.type === 'give') handle.give(textOf(index, one.size));
        else if (one.type === 'text') channel.write(take(textOf(index, one.size)));
        else if (one.type === 'turn') await turn();
        else if (one.type === 'complete') handle.completeAll(1);
        else handle.isSlow = one.type === 'slow';
      }
      await turn();
      handle.completeAll();
      assert.equal(handle.text, expected);
      assert.equal(channel.bufferedBytes, 0);
    }),
    { numRuns: 150 },
  );
});

test('bytes written while a write is under way may be overwritten by their owner', () => {
  const { handle, channel } = open();
  handle.isSlow = true;
  channel.write('x'.repeat(16_384));
  const bytes = Buffer.from('kept');
  channel.write(bytes);
  bytes.fill('!');
  handle.complete();
  handle.complete();
  assert.match(handle.text, /xkept$/);
});

test('write says stop when much waits, and onDrain comes once when there is room', () => {
  const { handle, channel, events } = open();
  handle.isSlow = true;
  assert.equal(channel.write(Buffer.alloc(HIGH_WATER - 1)), true);
  assert.equal(channel.write('x'), false);
  assert.equal(channel.needsDrain, true);
  assert.equal(channel.write('y'), false);
  assert.equal(channel.bufferedBytes, HIGH_WATER + 1);
  handle.complete();
  assert.deepEqual(events, ['drain']);
  assert.equal(channel.needsDrain, false);
  assert.equal(channel.write('z'), true);
  handle.completeAll();
  assert.deepEqual(events, ['drain']);
  assert.equal(channel.bufferedBytes, 0);
});
