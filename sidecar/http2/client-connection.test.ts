import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldLines } from '../http1/fields.ts';
import { CHUNKED, NO_BODY } from '../http1/framing.ts';
import { connected, OK, Receiver, request } from './client.fixture.ts';
import { H2_ERROR } from './error-codes.ts';
import { FRAME } from './frames/frame-types.ts';
import { frame, word } from './frames/frames.fixture.ts';
import { type Peer, setting } from './peer.fixture.ts';
import { SETTING } from './settings.ts';

const BAD_RESPONSES: Record<string, (peer: Peer) => Buffer[]> = {
  'without :status': (peer) => [peer.headers(1, [['server', 'x']])],
  'with a field of connections': (peer) => [peer.headers(1, [OK, ['connection', 'close']])],
  'with less of a body than it said': (peer) => [
    peer.headers(1, [OK, ['content-length', '5']], false),
    peer.data(1, '1'),
  ],
  'with more of a body than it said': (peer) => [
    peer.headers(1, [OK, ['content-length', '1']], false),
    peer.data(1, '12', false),
  ],
  'with a body where none may be': (peer) => [
    peer.headers(1, [[':status', '204']], false),
    peer.data(1, '1'),
  ],
  'that begins with DATA': (peer) => [peer.data(1, '1')],
  'with trailers that do not end it': (peer) => [
    peer.headers(1, [OK], false),
    peer.headers(1, [['a', 'b']], false),
  ],
  'that ends with an interim head': (peer) => [peer.headers(1, [[':status', '100']])],
  'with interim heads without end': (peer) =>
    Array.from({ length: 40 }, () => peer.headers(1, [[':status', '103']], false)),
};

test('a request goes out whole, and its response comes back in order', async (t) => {
  const { client, peer } = await connected(t);
  const receiver = new Receiver();
  const stream = client.open();
  stream.begin(request('POST', CHUNKED), 'fallback', receiver);
  stream.writeBody(Buffer.from('ping'));
  const trailers = new FieldLines();
  trailers.add('X-Sum', '7');
  stream.endBody(trailers);
  assert.deepEqual(await peer.nextHead(1), {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': '/',
    ':authority': 'a',
  });
  assert.deepEqual(await peer.nextHead(1), { 'x-sum': '7' });
  assert.equal(peer.body(1).toString(), 'ping');
  peer.send(peer.headers(1, [[':status', '103']], false), peer.headers(1, [OK], false));
  peer.send(peer.data(1, 'pong', false), peer.headers(1, [['grpc-status', '0']]));
  await peer.sync();
  assert.deepEqual(receiver.calls, ['head 103', 'end', 'head 200', 'body pong', 'end grpc-status: 0']);
  assert.equal(stream.sawResponse, true);
  stream.release();
  await peer.sync();
  assert.ok(!peer.heard.some(({ type }) => type === FRAME.rstStream));
  assert.equal(client.load, 0);
});

test('a paused receiver gets nothing, and then everything in its order', async (t) => {
  const { client, peer } = await connected(t);
  const receiver = new Receiver();
  const stream = client.open();
  stream.begin(request(), '', receiver);
  stream.pause();
  peer.send(peer.headers(1, [OK], false), peer.data(1, 'one', false), peer.data(1, 'two'));
  await peer.sync();
  assert.deepEqual(receiver.calls, []);
  stream.resume();
  assert.deepEqual(receiver.calls, ['head 200', 'body one', 'body two', 'end']);
});

test('a complete response stays one when the server does not want the rest of the request', async (t) => {
  const { client, peer } = await connected(t);
  const receiver = new Receiver();
  const stream = client.open();
  stream.begin(request('POST', CHUNKED), '', receiver);
  stream.pause();
  peer.send(
    peer.headers(1, [OK], false),
    peer.data(1, 'no'),
    frame(FRAME.rstStream, 0, 1, word(H2_ERROR.none)),
  );
  await peer.sync();
  stream.resume();
  assert.deepEqual(
    receiver.calls.filter((call) => call !== 'drained'),
    ['head 200', 'body no', 'end'],
  );
});

test('what is not wanted any more is cancelled', async (t) => {
  const { client, peer } = await connected(t);
  const receiver = new Receiver();
  const stream = client.open();
  stream.begin(request(), '', receiver);
  stream.destroy();
  assert.equal(await peer.nextReset(1), H2_ERROR.cancel);
  peer.send(peer.headers(1, [OK], false), peer.data(1, 'late'));
  await peer.sync();
  assert.deepEqual(receiver.calls, []);
  assert.equal(client.isUsable, true);
});

test('a reset is the end of the response, and says whether the request was looked at', async (t) => {
  const { client, peer } = await connected(t);
  const receivers = [new Receiver(), new Receiver()];
  const streams = receivers.map((receiver) => {
    const stream = client.open();
    stream.begin(request(), '', receiver);
    return stream;
  });
  peer.send(
    frame(FRAME.rstStream, 0, 1, word(H2_ERROR.refusedStream)),
    frame(FRAME.rstStream, 0, 3, word(H2_ERROR.cancel)),
  );
  await peer.sync();
  assert.deepEqual(
    receivers.map(({ calls }) => calls),
    [['closed'], ['closed']],
  );
  assert.deepEqual(
    streams.map(({ isUnprocessed, resetCode }) => [isUnprocessed, resetCode]),
    [
      [true, H2_ERROR.refusedStream],
      [false, H2_ERROR.cancel],
    ],
  );
});

for (const [what, frames] of Object.entries(BAD_RESPONSES)) {
  test(`a response ${what} is an error of its stream`, async (t) => {
    const { client, peer } = await connected(t);
    const receiver = new Receiver();
    client.open().begin(request(), '', receiver);
    await peer.nextHead(1);
    peer.send(...frames(peer));
    assert.equal(await peer.nextReset(1), H2_ERROR.protocol);
    assert.match(receiver.calls.at(-1)!, /^error /);
    assert.equal(client.isUsable, true);
  });
}

test('an Upgrade is an extended CONNECT, and its stream a tunnel', async (t) => {
  const { client, peer } = await connected(t, setting(SETTING.enableConnectProtocol, 1));
  assert.equal(client.takesUpgrades, true);
  const receiver = new Receiver();
  const stream = client.open();
  stream.begin(request('GET', NO_BODY, 'websocket'), '', receiver);
  stream.endBody(undefined);
  assert.deepEqual(await peer.nextHead(1), {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':path': '/',
    ':authority': 'a',
  });
  peer.send(peer.headers(1, [OK], false));
  await peer.sync();
  assert.deepEqual(receiver.calls, ['head 101']);
  const { channel } = stream.detach();
  const heard: string[] = [];
  channel.owner = {
    onData: (bytes) => void heard.push(bytes.toString()),
    onEnd: () => void heard.push('end'),
    onDrain: () => {},
    onClose: () => void heard.push('close'),
  };
  channel.resume();
  channel.write('up');
  channel.end();
  peer.send(peer.data(1, 'down'));
  await peer.sync();
  await peer.sync();
  assert.equal(peer.body(1).toString(), 'up');
  assert.deepEqual(heard, ['down', 'end', 'close']);
});
