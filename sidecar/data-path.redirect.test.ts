import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDataPath, type DataPathOptions } from './data-path.ts';
import { Inbound } from './inbound/inbound.ts';
import { SILENT } from './log.ts';
import { Outbound } from './outbound/outbound.ts';
import { FakeState, proxyConfig } from './testing/fake-state.ts';
import { toClose } from './testing/harness.ts';
import { redirectedContext } from './testing/redirected.ts';
import { connect, ok, readAll, serveHttp, talk } from './testing/wire.ts';
import { listen } from './transport/listener.ts';
import { ownAddresses } from './transport/own-addresses.ts';
import type { SocketAddress } from './transport/socket-address.ts';

/**
 * Redirected traffic without a redirection: the listeners of Kubernetes are explicit here, so that no fixed
 * port is needed, and the original destination is what the test says.
 */
const quiet: DataPathOptions['accessLog'] & {} = { write: () => true, once: () => quiet as never };
const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

async function start(
  direction: 'inbound' | 'outbound',
  original: () => SocketAddress | undefined,
  own: readonly string[],
) {
  const state = new FakeState(undefined, proxyConfig('web'));
  const { context, telemetry } = redirectedContext(state, original, own);
  const side = direction === 'inbound' ? new Inbound(context) : new Outbound(context);
  side.prepare(state.config!)();
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    mayAccept: () => true,
    onConnection: (channel) => side.accept(channel, undefined),
    onError: () => {},
  });
  toClose.push(async () => listener.close());
  return { port: listener.port, state, telemetry };
}

test('inbound forwards to the address the client dialled, from the exempt source', async () => {
  const app = await serveHttp((_head, socket) => ok(`from ${socket.remoteAddress}`));
  toClose.push(app.close);
  const side = await start('inbound', () => ({ address: '127.0.0.1', port: app.port }), ['127.0.0.1']);
  assert.match(await talk(side.port, GET), /from 127\.0\.0\.6$/);
});

const REFUSED: readonly (readonly [string, SocketAddress | undefined])[] = [
  ['an address that is not the pod', { address: '10.0.0.9', port: 80 }],
  ['a port of its own: outbound', { address: '127.0.0.1', port: 15001 }],
  ['a port of its own: inbound', { address: '127.0.0.1', port: 15006 }],
  ['a port of its own: admin', { address: '127.0.0.1', port: 15020 }],
  ['a connection that was not redirected', undefined],
];
for (const [name, original] of REFUSED) {
  test(`inbound refuses ${name}`, async () => {
    const side = await start('inbound', () => original, ['127.0.0.1']);
    assert.equal(await talk(side.port, GET), '');
  });
}

test('outbound passes what is outside the mesh to where it was going, and counts it', async () => {
  const app = await serveHttp(() => ok('outside'));
  toClose.push(app.close);
  const side = await start('outbound', () => ({ address: '127.0.0.1', port: app.port }), []);
  side.state.destinations.set(`127.0.0.1:${app.port}`, null);
  assert.match(await talk(side.port, GET, true), /outside$/);
  assert.match(side.telemetry.renderAll(), /weft_passthrough_total\{reason="outside"\} 1\n/);
});

test('outbound without anybody to ask passes traffic of a Permissive workload on, and counts it', async () => {
  const app = await serveHttp(() => ok('original'));
  toClose.push(app.close);
  const side = await start('outbound', () => ({ address: '127.0.0.1', port: app.port }), []);
  assert.match(await talk(side.port, GET, true), /original$/);
  assert.match(side.telemetry.renderAll(), /weft_passthrough_total\{reason="unreachable"\} 1\n/);
});

test('outbound does not pass a connection to its own listener', async () => {
  const side = await start('outbound', () => ({ address: '127.0.0.1', port: 15001 }), []);
  side.state.destinations.set('127.0.0.1:15001', null);
  assert.equal(await talk(side.port, GET), '');
  assert.match(side.telemetry.renderAll(), /weft_errors_total\{direction="outbound",code="loop"\} 1\n/);
});

test('outbound closes a connection that was not redirected', async () => {
  const side = await start('outbound', () => undefined, []);
  const socket = await connect(side.port);
  assert.equal(await readAll(socket), '');
  socket.destroy();
});

test('IPv6 destinations are asked for in brackets', async () => {
  const side = await start('outbound', () => ({ address: 'fd00::1', port: 80 }), []);
  side.state.destinations.set('[fd00::1]:80', {
    version: { hash: 'x', policies: {} },
    key: '',
    name: 'v6',
    namespace: 'shop',
    endpoints: [],
  });
  assert.match(await talk(side.port, GET), /^HTTP\/1.1 503 [\s\S]*no-endpoints/);
  assert.equal(side.state.destinations.asked[0], '[fd00::1]:80');
});

test('addresses are read again when one is unknown, and loopback is never one of them', () => {
  let nowMs = 0;
  let address = '10.0.0.1';
  const isOwn = ownAddresses(
    () => nowMs,
    () =>
      ({
        lo: [{ address: '127.0.0.1', internal: true }],
        eth0: [{ address, internal: false }],
      }) as never,
  );
  assert.equal(isOwn('127.0.0.1'), false);
  assert.equal(isOwn('10.0.0.1'), true);
  address = '10.0.0.2';
  assert.equal(isOwn('10.0.0.2'), false);
  nowMs = 2_000;
  assert.equal(isOwn('10.0.0.2'), true);
});

test('a data path whose listener cannot be bound says so, and can be started again', async () => {
  const taken = await serveHttp(() => ok(''));
  toClose.push(taken.close);
  const state = new FakeState(undefined, proxyConfig('web'));
  const path = createDataPath({ state, log: SILENT, accessLog: quiet });
  toClose.push(() => path.stop());
  const listeners = (port: number) => ({
    inbound: [{ address: '127.0.0.1', port, appAddress: '127.0.0.1', appPort: taken.port }],
    outbound: [],
    admin: { address: '127.0.0.1', port: 1 },
  });
  await assert.rejects(path.start(proxyConfig('web', { listeners: listeners(taken.port) })), /EADDRINUSE/);
  assert.deepEqual(path.addresses(), []);
  await path.start(proxyConfig('web', { listeners: listeners(0) }));
  assert.match(await talk(path.addresses()[0]!.port, GET), /^HTTP\/1.1 200/);
});
