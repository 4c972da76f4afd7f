import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { TestAuthority } from '../testing/certificates.ts';
import { serveChannels } from '../testing/channels.ts';
import { until } from '../testing/harness.ts';
import { MtlsServer } from './mtls-server.ts';
import { TimerWheel } from './timers.ts';

const COUNT = 20;
/** the head of a TLS record that says more than comes */
const PART = Buffer.from('16030102000100', 'hex');

test('each handshake ends once, also of peers that are gone before it begins', {
  timeout: 20_000,
}, async (t) => {
  const authority = await TestAuthority.create();
  const server = new MtlsServer(new TimerWheel());
  server.setIdentity(await authority.workload('spiffe://cluster.local/ns/shop/sa/api'));
  const ended: boolean[] = [];
  const begin: (() => void)[] = [];
  let closed = 0;
  const listener = await serveChannels((channel) => {
    channel.onClosed(() => (closed += 1));
    channel.owner = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} };
    begin.push(() => server.handshake(channel, PART, 10_000, ({ ok }) => void ended.push(ok)));
  });
  t.after(() => listener.close());
  for (let count = 0; count < COUNT; count += 1) {
    const socket = net.connect({ port: listener.port, host: '127.0.0.1' });
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.resetAndDestroy();
  }
  await until(() => begin.length === COUNT);
  for (const each of begin) each();
  await until(() => closed === COUNT);
  assert.deepEqual(
    ended,
    Array.from({ length: COUNT }, () => false),
  );
  assert.equal(server.handshakes, 0);
});
