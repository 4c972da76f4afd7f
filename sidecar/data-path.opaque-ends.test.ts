import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from './testing/harness.ts';
import { connect, serve } from './testing/wire.ts';

test('a client that goes on sending to a server that ended and went away is told', async () => {
  const app = await serve((socket) => {
    socket.resume();
    socket.end();
    setTimeout(() => socket.resetAndDestroy(), 50);
  });
  const pair = await start(app, { destination: { protocol: 'TCP' } });
  const client = await connect(pair.port);
  client.resume();
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  const timer = setInterval(() => client.write('x'.repeat(1_000)), 5);
  await closed;
  clearInterval(timer);
  assert.equal(pair.api.path.connections().open, 0);
});
