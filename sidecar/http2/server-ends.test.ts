import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeTimers } from '../testing/fake-timers.ts';
import { H2_ERROR } from './error-codes.ts';
import { FLAG, FRAME, MAX_STREAM_ID, PREFACE } from './frames/frame-types.ts';
import { frame } from './frames/frames.fixture.ts';
import { GET, Peer, POST } from './peer.fixture.ts';
import { hold, raw, SETTINGS } from './requests.fixture.ts';
import { answer, serve } from './server.fixture.ts';

const ACK = frame(FRAME.settings, FLAG.ack, 0);

const SLOW: Record<string, readonly [code: number, ...bytes: Buffer[]]> = {
  'a preface that does not end': [H2_ERROR.settingsTimeout, Buffer.from('PRI * HT')],
  'SETTINGS that are not acknowledged': [H2_ERROR.settingsTimeout, PREFACE, SETTINGS],
  'a header block that does not end': [
    H2_ERROR.enhanceYourCalm,
    PREFACE,
    SETTINGS,
    ACK,
    frame(FRAME.headers, FLAG.endStream, 1, '82'),
  ],
  'HEADERS that do not end': [
    H2_ERROR.enhanceYourCalm,
    PREFACE,
    SETTINGS,
    ACK,
    frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, '828684').subarray(0, 11),
  ],
};

test('draining tells the client, answers what it sent meanwhile, and ends with the last stream', async (t) => {
  const { port, connections, exchanges } = await serve(t, hold);
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET));
  await peer.sync();
  connections[0]!.drain();
  assert.deepEqual(await peer.nextGoaway(), [MAX_STREAM_ID, H2_ERROR.none]);
  const { payload } = await peer.next(FRAME.ping);
  peer.send(peer.headers(3, GET), frame(FRAME.ping, FLAG.ack, 0, payload));
  assert.deepEqual(await peer.nextGoaway(), [3, H2_ERROR.none]);
  peer.send(peer.headers(5, GET));
  await peer.sync();
  assert.equal(exchanges.length, 2);
  for (const exchange of exchanges) exchange.answer('denied');
  await peer.until(() => peer.ended);
  assert.equal(peer.heard.filter(({ type }) => type === FRAME.headers).length, 2);
  assert.ok(!peer.heard.some(({ type }) => type === FRAME.rstStream));
});

test('draining does not wait for a client that does not answer', async (t) => {
  const timers = new FakeTimers();
  const { port, connections } = await serve(t, answer(), { timers });
  const peer = await Peer.connect(port);
  await peer.sync();
  connections[0]!.drain();
  await peer.nextGoaway();
  timers.advance(1_000);
  assert.deepEqual(await peer.nextGoaway(), [0, H2_ERROR.none]);
  await peer.until(() => peer.ended);
});

test('an idle connection ends after its time, a stream without a byte is answered', async (t) => {
  const timers = new FakeTimers();
  const { port, exchanges } = await serve(t, hold, { timers, limits: { idleTimeoutMs: 5_000 } });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET));
  await peer.sync();
  timers.advance(7_000);
  assert.equal((await peer.nextHead(1))[':status'], '504');
  assert.equal(exchanges[0]!.error, 'timeout');
  timers.advance(7_000);
  assert.deepEqual(await peer.nextGoaway(), [1, H2_ERROR.none]);
  await peer.until(() => peer.ended);
});

test('an exchange may have an idle timeout of its own, or none', async (t) => {
  const timers = new FakeTimers();
  const { port, exchanges } = await serve(t, hold, {
    timers,
    limits: { idleTimeoutMs: 5_000 },
    http2: { pingAfterMs: 0 },
  });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET));
  await peer.sync();
  exchanges[0]!.setIdleTimeout(0);
  timers.advance(3_600_000);
  assert.equal(exchanges[0]!.error, undefined);
  exchanges[0]!.setIdleTimeout(1_000);
  timers.advance(2_500);
  assert.equal((await peer.nextHead(1))[':status'], '504');
  peer.close();
});

test('a client that says nothing while it has streams is asked, and given up when it does not answer', async (t) => {
  const timers = new FakeTimers();
  const { port, exchanges } = await serve(t, hold, { timers });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET));
  await peer.sync();
  timers.advance(31_000);
  await peer.next(FRAME.ping);
  timers.advance(12_000);
  await peer.until(() => peer.ended);
  assert.ok(exchanges[0]!.aborted);
});

for (const [what, [code, ...bytes]] of Object.entries(SLOW)) {
  test(`${what} in time ends the connection`, async (t) => {
    const timers = new FakeTimers();
    const { port, connections } = await serve(t, answer(), { timers });
    const peer = await raw(port);
    peer.send(...bytes);
    await peer.next(FRAME.settings);
    await new Promise((resolve) => setTimeout(resolve, 20));
    timers.advance(9_000);
    assert.equal(connections[0]!.isOver, false);
    timers.advance(3_000);
    assert.equal((await peer.nextGoaway())[1], code);
    await peer.until(() => peer.ended);
  });
}

test('a connection that goes takes its exchanges along', async (t) => {
  const { port, exchanges } = await serve(t, hold);
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET), peer.headers(3, POST, false));
  await peer.sync();
  peer.close();
  while (!exchanges.every(({ aborted }) => aborted)) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(exchanges.length, 2);
});
