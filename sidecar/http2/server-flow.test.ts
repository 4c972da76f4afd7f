import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H2_ERROR } from './error-codes.ts';
import { FRAME, PREFACE } from './frames/frame-types.ts';
import { frame, word } from './frames/frames.fixture.ts';
import { GET, Peer, POST, setting } from './peer.fixture.ts';
import { KIB, LISTENER, raw, SETTINGS } from './requests.fixture.ts';
import { answer, response, serve } from './server.fixture.ts';
import { SETTING } from './settings.ts';

test('a body goes as far as the window of its stream, and the writer waits', async (t) => {
  let drained = 0;
  const { port } = await serve(t, (exchange) => {
    exchange.receive({
      ...LISTENER,
      onResponseDrained: () => {
        drained += 1;
      },
    });
    exchange.respond(response(200));
    assert.equal(exchange.respondBody(Buffer.from('0123456789')), false);
  });
  const peer = await Peer.connect(port, setting(SETTING.initialWindowSize, 4));
  peer.send(peer.headers(1, GET));
  await peer.sync();
  assert.equal(peer.body(1).toString(), '0123');
  peer.send(frame(FRAME.windowUpdate, 0, 1, word(3)));
  await peer.sync();
  assert.equal(peer.body(1).toString(), '0123456');
  assert.equal(drained, 0);
  // smaller by four, and larger by as much: nothing may leave in between
  peer.send(frame(FRAME.settings, 0, 0, setting(SETTING.initialWindowSize, 0)));
  peer.send(frame(FRAME.windowUpdate, 0, 1, word(4)));
  await peer.sync();
  assert.equal(peer.body(1).length, 7);
  peer.send(frame(FRAME.settings, 0, 0, setting(SETTING.initialWindowSize, 100)));
  await peer.sync();
  assert.equal(peer.body(1).toString(), '0123456789');
  assert.equal(drained, 1);
  peer.close();
});

test('streams share the window of the connection in turns', async (t) => {
  const body = Buffer.alloc(60 * KIB, 'x');
  const { port } = await serve(t, (exchange) => {
    exchange.receive(LISTENER);
    exchange.respond(response(200));
    exchange.respondBody(body);
    exchange.respondEnd(undefined);
  });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET), peer.headers(3, GET), peer.headers(5, GET));
  await peer.sync();
  assert.equal(peer.body(1).length + peer.body(3).length + peer.body(5).length, 65_535);
  peer.send(frame(FRAME.windowUpdate, 0, 0, word(40 * KIB)));
  await peer.sync();
  assert.ok(peer.body(3).length >= 16 * KIB && peer.body(5).length >= 16 * KIB, peer.summary());
  peer.send(frame(FRAME.windowUpdate, 0, 0, word(200 * KIB)));
  await peer.sync();
  for (const id of [1, 3, 5]) assert.equal(peer.body(id).length, body.length);
  peer.close();
});

test('what nobody takes is held up to the window, and not a byte more is asked for', async (t) => {
  const { port, exchanges } = await serve(t, () => {});
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, POST, false));
  for (let sent = 0; sent < 60; sent += 1) peer.send(peer.data(1, Buffer.alloc(KIB), false));
  await peer.sync();
  assert.ok(!peer.heard.some(({ type, streamId }) => type === FRAME.windowUpdate && streamId === 1));
  const got: number[] = [];
  exchanges[0]!.receive({ ...LISTENER, onRequestBody: ({ length }) => void got.push(length) });
  await peer.sync();
  assert.equal(
    got.reduce((sum, bytes) => sum + bytes, 0),
    60 * KIB,
  );
  assert.equal(
    (await peer.heard.findLast(({ type }) => type === FRAME.windowUpdate))?.payload.readUInt32BE(),
    60 * KIB,
  );
  peer.close();
});

test('what comes in frames of one byte costs what it weighs while nobody takes it', async (t) => {
  const { port, exchanges } = await serve(t, () => {});
  const peer = await Peer.connect(port);
  const count = 20_000;
  const one = peer.data(1, 'x', false);
  peer.send(peer.headers(1, POST, false), ...Array.from({ length: count }, () => one));
  await peer.sync();
  const got: number[] = [];
  exchanges[0]!.receive({ ...LISTENER, onRequestBody: ({ length }) => void got.push(length) });
  assert.equal(
    got.reduce((sum, bytes) => sum + bytes, 0),
    count,
  );
  assert.ok(got.length < 10, `${got.length} pieces`);
  peer.close();
});

test('more than the window of a stream breaks the stream, more than that of the connection the connection', async (t) => {
  const { port, exchanges } = await serve(t, () => {}, { http2: { requestWindowBytes: 1_000 } });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, POST, false), peer.data(1, Buffer.alloc(1_001)));
  assert.equal(await peer.nextReset(1), H2_ERROR.flowControl);
  assert.ok(exchanges[0]!.aborted);
  peer.close();
  const all = await serve(t, () => {}, {
    http2: { requestWindowBytes: 1_000_000, connectionWindowBytes: 65_535 },
  });
  const second = await Peer.connect(all.port);
  second.send(second.headers(1, POST, false));
  for (let sent = 0; sent < 5; sent += 1) second.send(second.data(1, Buffer.alloc(16 * KIB), false));
  assert.deepEqual(await second.nextGoaway(), [1, H2_ERROR.flowControl]);
  second.close();
});

test('a client that does not know our SETTINGS yet may send what the RFC says', async (t) => {
  const { port } = await serve(t, answer(), { http2: { requestWindowBytes: 1_000 } });
  const peer = await raw(port);
  peer.send(PREFACE, SETTINGS, peer.headers(1, POST, false), peer.data(1, Buffer.alloc(10_000)));
  assert.equal((await peer.nextHead(1))[':status'], '200');
  peer.close();
});

test('the window of the connection is given back for what comes on streams that are gone', async (t) => {
  const { port } = await serve(t, answer(), { http2: { connectionWindowBytes: 65_535 } });
  const peer = await Peer.connect(port);
  for (let id = 1; id < 41; id += 2) {
    peer.send(peer.headers(id, POST, false), frame(FRAME.rstStream, 0, id, word(H2_ERROR.cancel)));
    peer.send(peer.data(id, Buffer.alloc(8 * KIB)));
    await peer.sync();
  }
  peer.send(peer.headers(101, GET));
  assert.equal((await peer.nextHead(101))[':status'], '200');
  peer.close();
});

test('a client that asks and does not read is not read from any more', async (t) => {
  const big = 'x'.repeat(32 * KIB);
  const { port, connections, exchanges } = await serve(t, (exchange) => {
    const head = response(200, { type: 'none', length: 0 });
    head.fields.add('x-big', big);
    exchange.respond(head);
    exchange.respondEnd(undefined);
  });
  const peer = await Peer.connect(port);
  peer.socket.pause();
  for (let id = 1; id < 2_001; id += 2) peer.send(peer.headers(id, GET));
  let before = -1;
  while (before !== exchanges.length) {
    before = exchanges.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(before < 600, `${before} requests were read`);
  assert.ok(connections[0]!.channel.bufferedBytes < 2 * KIB * KIB);
  peer.socket.resume();
  await peer.until(() => peer.heard.filter(({ type }) => type === FRAME.headers).length === 1_000);
  peer.close();
});
