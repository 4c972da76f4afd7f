import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { connectsSent, untilWaiting } from './accept-queue.fixture.ts';
import type { Channel } from './channel.ts';
import { type Listener, listen } from './listener.ts';

/** `onAccepted`: at each connection, which ends with the test. */
async function start(t: TestContext, onAccepted: () => void): Promise<Listener> {
  const channels: Channel[] = [];
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    mayAccept: () => true,
    onConnection: (channel) => {
      channels.push(channel);
      onAccepted();
    },
    onError: (error) => assert.fail(error),
  });
  t.after(() => {
    listener.close();
    for (const channel of channels) channel.destroy();
  });
  return listener;
}

/** What happens to it is told when it is known: connected, or an error's code. */
function connect(t: TestContext, port: number, told: (what: string) => void = () => {}): void {
  const socket = net.connect({ port, host: '127.0.0.1' });
  socket.once('connect', () => told('connected'));
  socket.on('error', (error: NodeJS.ErrnoException) => told(error.code ?? ''));
  t.after(() => socket.destroy());
}

test('connections that wait to be accepted when a listener drains are accepted, all of them', async (t) => {
  let accepted = 0;
  const told: string[] = [];
  const listener = await start(t, () => {
    accepted += 1;
  });
  for (let index = 0; index < 20; index += 1) connect(t, listener.port, (what) => told.push(what));
  await connectsSent();
  untilWaiting(listener.port, 20);
  await listener.drain();
  assert.equal(accepted, 20);
  assert.deepEqual([...new Set(told)], ['connected']);
});

test('a listener that has drained is gone', async (t) => {
  const listener = await start(t, () => {});
  await listener.drain();
  assert.equal(await new Promise((told) => connect(t, listener.port, told as () => void)), 'ECONNREFUSED');
});

test('a listener that is never quiet ends nevertheless', async (t) => {
  let accepted = 0;
  const listener = await start(t, () => {
    accepted += 1;
    connect(t, listener.port);
  });
  for (let index = 0; index < 2; index += 1) connect(t, listener.port);
  await listener.drain();
  // one in each turn at most
  assert.ok(accepted <= 1_001, `${accepted} were accepted`);
});

test('a listener that is closed while it drains is gone', async (t) => {
  const listener = await start(t, () => {});
  const drained = listener.drain();
  listener.close();
  await drained;
  assert.equal(await new Promise((told) => connect(t, listener.port, told as () => void)), 'ECONNREFUSED');
});
