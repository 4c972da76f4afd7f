import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHUNKED } from '../http1/framing.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { connected, OK, Receiver, request } from './client.fixture.ts';
import { H2_ERROR } from './error-codes.ts';
import { FRAME } from './frames/frame-types.ts';
import { frame, word } from './frames/frames.fixture.ts';
import { setting } from './peer.fixture.ts';
import { SETTING } from './settings.ts';

test('told to go away, what was not looked at fails as such, the rest goes on, and then it ends', async (t) => {
  const { client, peer, told } = await connected(t);
  const receivers = [new Receiver(), new Receiver()];
  const streams = receivers.map((receiver) => {
    const stream = client.open();
    stream.begin(request(), '', receiver);
    return stream;
  });
  peer.send(frame(FRAME.goaway, 0, 0, Buffer.concat([word(1), word(0)])));
  await peer.sync();
  assert.equal(client.hasRoom, false);
  assert.deepEqual(receivers[1]!.calls, ['closed']);
  assert.equal(streams[1]!.isUnprocessed, true);
  peer.send(peer.headers(1, [[':status', '204']]));
  await peer.until(() => peer.ended);
  assert.deepEqual(receivers[0]!.calls, ['head 204', 'end']);
  assert.deepEqual(
    told.filter((what) => what !== 'room'),
    ['retired', 'closed'],
  );
});

test('no more requests are sent at once than the server takes', async (t) => {
  const { client, peer, told } = await connected(t, setting(SETTING.maxConcurrentStreams, 2));
  const streams = [client.open(), client.open()];
  assert.equal(client.hasRoom, false);
  for (const stream of streams) stream.begin(request(), '', new Receiver());
  assert.equal(client.hasRoom, false);
  told.length = 0;
  peer.send(peer.headers(1, [[':status', '204']]));
  await peer.sync();
  assert.deepEqual(told, ['room']);
  assert.equal(client.hasRoom, true);
  const third = client.open();
  third.destroy();
  assert.equal(client.load, 1);
  peer.send(frame(FRAME.settings, 0, 0, setting(SETTING.maxConcurrentStreams, 1)));
  await peer.sync();
  assert.equal(client.hasRoom, false);
});

test('a connection that goes takes its streams along, and those that were opened on it later', async (t) => {
  const { client, peer, told } = await connected(t);
  const receivers = [new Receiver(), new Receiver()];
  const [first, second] = [client.open(), client.open()];
  first.begin(request(), '', receivers[0]!);
  await peer.nextHead(1);
  peer.close();
  while (!told.includes('closed')) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(receivers[0]!.calls, ['closed']);
  second.begin(request(), '', receivers[1]!);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.deepEqual(receivers[1]!.calls, ['closed']);
  assert.equal(second.isUnprocessed, true);
});

test('a server that begins streams breaks the connection', async (t) => {
  for (const id of [2, 3]) {
    const { peer } = await connected(t);
    peer.send(peer.headers(id, [OK]));
    assert.deepEqual(await peer.nextGoaway(), [0, H2_ERROR.protocol]);
  }
});

test('a retired connection ends with its last stream, an idle one at once', async (t) => {
  const busy = await connected(t);
  const receiver = new Receiver();
  busy.client.open().begin(request(), '', receiver);
  busy.client.retire();
  assert.equal(busy.client.hasRoom, false);
  busy.peer.send(busy.peer.headers(1, [[':status', '204']]));
  await busy.peer.until(() => busy.peer.ended);
  assert.deepEqual(receiver.calls, ['head 204', 'end']);
  const idle = await connected(t);
  idle.client.retire();
  await idle.peer.until(() => idle.peer.ended);
});

test('a server that says nothing for long is asked, and given up when it does not answer', async (t) => {
  const timers = new FakeTimers();
  const { client, peer } = await connected(t, undefined, timers);
  const receiver = new Receiver();
  client.open().begin(request(), '', receiver);
  timers.advance(31_000);
  await peer.next(FRAME.ping);
  timers.advance(12_000);
  assert.deepEqual(receiver.calls, ['closed']);
});

test('a response that is reset without an error is complete if all of its length has come, as node ends some', async (t) => {
  for (const [body, outcome] of [
    ['whole', 'end'],
    ['who', 'closed'],
  ] as const) {
    const { client, peer } = await connected(t);
    const receiver = new Receiver();
    client.open().begin(request(), '', receiver);
    peer.send(peer.headers(1, [OK, ['content-length', '5']], false));
    peer.send(frame(FRAME.data, 0, 1, Buffer.from(body)));
    peer.send(frame(FRAME.rstStream, 0, 1, word(H2_ERROR.none)));
    await peer.sync();
    const calls = receiver.calls.filter((call) => call !== 'drained');
    assert.deepEqual(calls, ['head 200', `body ${body}`, outcome]);
    assert.equal(client.load, 0);
  }
});

test('the reset that ends a response is not answered with another, though the request was under way', async (t) => {
  const { client, peer } = await connected(t);
  const stream = client.open();
  class Releasing extends Receiver {
    override onMessageEnd(): void {
      super.onMessageEnd(undefined);
      stream.release();
    }
  }
  const receiver = new Releasing();
  stream.begin(request('POST', CHUNKED), '', receiver);
  peer.send(peer.headers(1, [OK, ['content-length', '5']], false), peer.data(1, 'whole', false));
  peer.send(frame(FRAME.rstStream, 0, 1, word(H2_ERROR.none)));
  await peer.sync();
  assert.equal(receiver.calls.at(-1), 'end');
  assert.deepEqual(
    peer.heard.filter(({ type }) => type === FRAME.rstStream),
    [],
  );
  assert.equal(client.load, 0);
});
