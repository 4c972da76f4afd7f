import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel } from './channel.ts';
import { type FakeHandle, open, turn } from './fake-handle.fixture.ts';

test('what the handle gives out while paused is held, and comes before what follows, and its end last', async () => {
  const { handle, channel, data, events } = open();
  channel.resume();
  handle.give('one');
  channel.pause();
  assert.equal(handle.isReading, false);
  handle.give('two ');
  handle.give('three');
  handle.giveEnd();
  assert.deepEqual([data, events], [['one'], []]);
  channel.resume();
  handle.give(' four');
  await turn();
  assert.deepEqual([data, events], [['one', 'two three four'], ['end']]);
});

test('held bytes stay held when the channel is paused again before they are delivered', async () => {
  const { handle, channel, data } = open();
  handle.give('early');
  channel.resume();
  channel.pause();
  await turn();
  assert.deepEqual(data, []);
  channel.resume();
  await turn();
  assert.deepEqual(data, ['early']);
  assert.equal(handle.isReading, true);
});

test('an owner that pauses at held bytes is told of the end later', async () => {
  const { handle, channel, events } = open({ onData: () => channel.pause() });
  handle.give('bytes');
  handle.giveEnd();
  channel.resume();
  await turn();
  await turn();
  assert.deepEqual(events, []);
  channel.resume();
  await turn();
  assert.deepEqual(events, ['end']);
});

test('the end of our side waits for what is written, and is said once; then nothing is taken any more', async () => {
  const { handle, channel } = open();
  handle.isSlow = true;
  channel.write('x'.repeat(20_000));
  channel.write('last');
  channel.end();
  channel.end();
  assert.equal(channel.writable, false);
  channel.write('too late');
  assert.equal(handle.shutdowns.length, 0);
  handle.complete();
  assert.equal(handle.shutdowns.length, 0);
  handle.complete();
  assert.equal(handle.shutdowns.length, 1);
  assert.match(handle.text, /last$/);
});

for (const first of ['ours', 'theirs'] as const) {
  test(`the channel closes when both sides have ended, ${first} first`, async () => {
    const { handle, channel, events } = open();
    channel.resume();
    if (first === 'theirs') handle.giveEnd();
    channel.end();
    handle.completeShutdown();
    assert.equal(channel.destroyed, first === 'theirs');
    if (first === 'ours') handle.giveEnd();
    await turn();
    assert.deepEqual(events, ['end', 'close']);
    assert.equal(handle.closes, 1);
  });
}

test('after our end the peer may go on', () => {
  const { handle, channel, data } = open();
  channel.resume();
  channel.end();
  handle.completeShutdown();
  handle.give('more');
  assert.deepEqual(data, ['more']);
  assert.equal(channel.destroyed, false);
});

test('destroySoon closes when all is written; destroy at once', async () => {
  const soon = open();
  soon.handle.isSlow = true;
  soon.channel.write('x'.repeat(20_000));
  soon.channel.destroySoon();
  await turn();
  assert.deepEqual(soon.events, []);
  soon.handle.complete();
  await turn();
  assert.deepEqual(soon.events, ['close']);

  const now = open();
  now.channel.write('lost');
  now.channel.destroy();
  await turn();
  assert.deepEqual([now.handle.written, now.events], [[], ['close']]);
});

test('a channel is closed once, and onClosed is told once, also when it comes late', async () => {
  const { handle, channel, events } = open();
  let told = 0;
  channel.onClosed(() => {
    told += 1;
  });
  channel.destroy();
  channel.destroy();
  channel.abort();
  channel.destroySoon();
  assert.deepEqual(events, []);
  await turn();
  assert.deepEqual([events, told, handle.closes, handle.resets], [['close'], 1, 1, 0]);
  channel.onClosed(() => {
    told += 1;
  });
  assert.equal(told, 1);
  await turn();
  assert.equal(told, 2);
});

test('abort resets; nothing that was written besides leaves', async () => {
  const { handle, channel, events } = open();
  channel.write('lost');
  channel.abort();
  await turn();
  assert.deepEqual([handle.resets, handle.closes, handle.written, events], [1, 0, [], ['close']]);
});

test('a write or a read that fails closes the channel', async () => {
  for (const failing of [
    (handle: FakeHandle, channel: Channel) => {
      handle.status = -32;
      channel.write('x');
    },
    (handle: FakeHandle, channel: Channel) => {
      handle.isSlow = true;
      channel.write('x'.repeat(20_000));
      handle.complete(-32);
    },
    (handle: FakeHandle) => handle.fail(-104),
    (handle: FakeHandle, channel: Channel) => {
      handle.completesWith = -32;
      channel.write('x');
    },
    (handle: FakeHandle, channel: Channel) => {
      handle.completesWith = -32;
      channel.write('x');
      channel.destroySoon();
    },
  ]) {
    const { handle, channel, events } = open();
    channel.resume();
    failing(handle, channel);
    for (let turns = 0; turns < 4; turns += 1) await turn();
    assert.deepEqual(events, ['close']);
    assert.equal(channel.writable, false);
  }
});

test('a write that ends before it returns does not hold up the next one', async () => {
  const { handle, channel } = open();
  handle.completesWith = 0;
  channel.write('x');
  await turn();
  assert.equal(channel.bufferedBytes, 0);
  handle.completesWith = undefined;
  channel.write('y');
  await turn();
  assert.deepEqual(handle.written, ['y']);
});

test('an owner that destroys its channel at some bytes is told nothing more but the close', async () => {
  const { handle, channel, data, events } = open({
    onData: () => channel.destroy(),
  });
  handle.give('held');
  handle.giveEnd();
  channel.resume();
  await turn();
  await turn();
  assert.deepEqual([data, events, handle.closes], [[], ['close'], 1]);
});

test('who disowned a channel is told nothing', async () => {
  const { handle, channel, data, events } = open();
  channel.resume();
  channel.disown();
  handle.give('bytes');
  handle.giveEnd();
  channel.destroy();
  await turn();
  assert.deepEqual([data, events], [[], []]);
});
