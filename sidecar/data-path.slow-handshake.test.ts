import assert from 'node:assert/strict';
import net, { type Socket } from 'node:net';
import { test } from 'node:test';
import type { DestinationTraffic } from '../api/destination-traffic.ts';
import { destination } from './testing/fake-state.ts';
import { start, toClose } from './testing/harness.ts';
import { API, type Pair } from './testing/pair.ts';
import { ask, serveVersion, VERSIONS } from './testing/versions.ts';
import { serve } from './testing/wire.ts';

const KEY = 'shop/api:80';

/** Accepts at once and passes everything on, both ways, after `delayMs`: a sidecar that gets no processor. */
async function starved(port: number, delayMs: number): Promise<number> {
  const toward = (near: Socket) => {
    const far = net.connect({ port, host: '127.0.0.1' });
    far.on('error', () => near.destroy());
    near.on('error', () => far.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    setTimeout(() => near.pipe(far).pipe(near), delayMs);
  };
  const { port: own, close } = await serve(toward);
  toClose.push(close);
  return own;
}

/** Accepts, and says nothing ever. */
async function mute(): Promise<number> {
  const server = await serve((socket) => void socket.resume());
  toClose.push(server.close);
  return server.port;
}

function point(pair: Pair, ports: readonly number[], more: DestinationTraffic = {}): void {
  const endpoints = ports.map((port) => ({ address: '127.0.0.1', port, spiffeId: API, workload: 'api' }));
  const traffic = { loadBalancing: { algorithm: 'RoundRobin' as const }, ...more };
  pair.web.state.destinations.set(KEY, destination(KEY, endpoints, { name: 'api', traffic }));
}

for (const version of VERSIONS) {
  const method = version === 'grpc' ? 'POST' : 'GET';

  test(`${version}: the only endpoint is given longer to shake hands than one of several`, async () => {
    const app = await serveVersion(version);
    const pair = await start(app, { limits: { connectTimeoutMs: 20, loneConnectTimeoutMs: 20_000 } });
    point(pair, [await starved(pair.inboundPort, 300)]);
    const answer = await ask(version, pair.port, { method });
    assert.deepEqual([answer.status, answer.code, app.seen.length], [200, undefined, 1]);
  });

  test(`${version}: one of several that shakes no hands is left for another in its time`, async () => {
    const app = await serveVersion(version);
    const pair = await start(app, { limits: { connectTimeoutMs: 1_000, loneConnectTimeoutMs: 60_000 } });
    point(pair, [await mute(), pair.inboundPort]);
    for (let turn = 0; turn < 2; turn += 1) {
      const answer = await ask(version, pair.port, { method });
      assert.deepEqual([answer.status, answer.code], [200, undefined]);
    }
    assert.equal(app.seen.length, 2);
  });
}

test('a policy’s time to connect holds for an only endpoint too', async () => {
  const pair = await start(await serveVersion('http1'), {
    limits: { loneConnectTimeoutMs: 60_000, connectAgainMs: 0 },
  });
  point(pair, [await mute()], { timeout: { connectMs: 20 } });
  assert.equal((await ask('http1', pair.port)).code, 'connect-failure');
});
