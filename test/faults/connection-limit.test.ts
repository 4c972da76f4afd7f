import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { get, last, toClose } from '../../sidecar/testing/harness.ts';
import { connect, ok, readUntil, serveHttp, type TestServer, talk } from '../../sidecar/testing/wire.ts';
import { eventually, metric } from './client.fixture.ts';
import { Flood } from './flood.fixture.ts';
import { SideProcess } from './side-process.ts';
import type { SideOptions } from './side-protocol.ts';

const MEBI = 1024 * 1024;
const LIMIT = 2_000;
const ATTEMPTS = 10_000;
/** Refused at once, on a machine that opens ten thousand connections meanwhile. */
const REFUSED_WITHIN_MS = 10_000;

let app: TestServer;
before(async () => {
  app = await serveHttp(() => ok('fine'));
  toClose.push(app.close);
});

async function startSide(options: SideOptions): Promise<SideProcess> {
  const side = await SideProcess.start({ appPort: app.port, ...options }, { collectable: true });
  toClose.push(() => side.stop());
  return side;
}

async function overloadedOf(side: SideProcess): Promise<number> {
  return metric((await side.report()).metrics, 'weft_errors_total', { code: 'overloaded' });
}

for (const direction of ['inbound', 'outbound'] as const) {
  describe(`${LIMIT} connections may be open and ${ATTEMPTS} are tried, ${direction}`, () => {
    let side: SideProcess;
    let flood: Flood;
    let bytesBefore: number;
    after(() => flood?.stop());

    test('as many as may be are served, and every other is refused at once', async () => {
      side = await startSide({
        endpoint: { port: app.port },
        limits: { maxConnections: LIMIT, maxConnectionsPerEndpoint: 2 * LIMIT, connectTimeoutMs: 10_000 },
      });
      // what the first requests allocate for good is not the flood's
      for (let round = 0; round < 5; round += 1) await talk(portOf(side, direction), last());
      bytesBefore = await side.settledBytes();
      const started = await Flood.start(portOf(side, direction), ATTEMPTS);
      flood = started.flood;
      const { served, refused, told, slowestRefusalMs } = started.counts;
      assert.equal(served, LIMIT);
      assert.equal(refused, ATTEMPTS - LIMIT);
      assert.ok(slowestRefusalMs < REFUSED_WITHIN_MS, `one waited ${slowestRefusalMs} ms`);
      // closed without a word, or told in HTTP
      for (const text of told)
        assert.match(text, /^(?:HTTP\/1\.1 503 [\s\S]*weft-error: overloaded[\s\S]*)?$/);
    });

    test('every refusal is counted', async () => {
      assert.equal(await overloadedOf(side), ATTEMPTS - LIMIT);
    });

    test('those that are open are still served, all of them', async () => {
      const { served, refused } = await flood.askAgain();
      assert.deepEqual([served, refused], [LIMIT, ATTEMPTS - LIMIT]);
      assert.equal((await side.report()).connections.open, LIMIT);
    });

    test('the other direction is not harmed', async () => {
      const other = direction === 'inbound' ? 'outbound' : 'inbound';
      assert.match(await talk(portOf(side, other), last()), /^HTTP\/1\.1 200 /);
    });

    test('when they have gone everything works, and memory is given back', async () => {
      await flood.stop();
      await eventually('none is open', async () => (await side.report()).connections.open === 0);
      assert.match(await talk(portOf(side, direction), last()), /^HTTP\/1\.1 200 /);
      // idle connections to the app are kept for a while
      await delay(2_000);
      const grownBytes = (await side.settledBytes()) - bytesBefore;
      assert.ok(grownBytes < 4 * MEBI, `${grownBytes} bytes more`);
    });
  });
}

function portOf(side: SideProcess, direction: 'inbound' | 'outbound'): number {
  return direction === 'inbound' ? side.inboundPort : side.outboundPort;
}

async function openServed(port: number): Promise<Socket | undefined> {
  const socket = await connect(port);
  socket.write(get());
  const answer = await readUntil(socket, '\r\n\r\n').catch(() => '');
  if (/^HTTP\/1\.1 200 /.test(answer)) return socket;
  socket.destroy();
  return undefined;
}

test('the limit is one for all listeners of a direction', async () => {
  const side = await startSide({ inboundListeners: 2, limits: { maxConnections: 10 } });
  const open: Socket[] = [];
  for (let round = 0; round < 20; round += 1) {
    const socket = await openServed(side.inboundPorts[round % 2]!);
    if (socket !== undefined) open.push(socket);
  }
  for (const socket of open) socket.destroy();
  assert.equal(open.length, 10);
});

test('a connection that ends makes room for the next', async () => {
  const side = await startSide({ limits: { maxConnections: 1 } });
  for (let round = 0; round < 20; round += 1) {
    const first = await openServed(side.inboundPort);
    assert.ok(first !== undefined);
    assert.equal(await openServed(side.inboundPort), undefined);
    first.destroy();
    await eventually('it is gone', async () => (await side.report()).connections.open === 0);
  }
  assert.equal(await overloadedOf(side), 20);
});
