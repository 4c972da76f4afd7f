import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { get, last } from '../../sidecar/testing/harness.ts';
import { connect, ok, serve, serveHttp, type TestServer, talk } from '../../sidecar/testing/wire.ts';
import { ask, eventually } from './client.fixture.ts';
import { SideProcess } from './side-process.ts';
import { runSidecar } from './sidecar-process.fixture.ts';

const DESCRIPTORS = 80;
/** Far more than there are. */
const CONNECTIONS = 200;

let app: TestServer;
let side: SideProcess;
const flood: Socket[] = [];

before(async () => {
  app = await serveHttp((head) => ok('fine', head.includes('/once') ? 'Connection: close\r\n' : ''));
  side = await SideProcess.start(
    // so long that nothing ends by itself meanwhile
    { appPort: app.port, limits: { serverFirstWaitMs: 60_000, appIdleMs: 60_000 } },
    { descriptorLimit: DESCRIPTORS },
  );
});
after(async () => {
  for (const socket of flood) socket.destroy();
  await side.stop();
  await app.close();
});

const descriptorsOf = (): number => readdirSync(`/proc/${side.pid}/fd`).length;

/** Uses up every descriptor; resolves when no more are taken. */
async function exhaust(): Promise<void> {
  for (let count = 0; count < CONNECTIONS; count += 1) {
    const socket = await connect(side.inboundPort);
    socket.on('end', () => socket.destroy());
    socket.resume();
    flood.push(socket);
  }
  await eventually('no descriptor is left', () => descriptorsOf() >= DESCRIPTORS - 2);
  await delay(100);
}

describe('when no file descriptor is left', () => {
  let first: Socket;
  let second: Socket;

  test('what is open is served, on a connection to the app that is open too', async () => {
    first = await connect(side.inboundPort);
    assert.match(await ask(first), /^HTTP\/1\.1 200 /);
    second = await connect(side.inboundPort);
    assert.match(await ask(second), /^HTTP\/1\.1 200 /);
    await exhaust();
    for (let round = 0; round < 20; round += 1) {
      assert.match(await ask(first), /^HTTP\/1\.1 200 /);
      assert.match(await ask(second), /^HTTP\/1\.1 200 /);
    }
  });

  test('new connections are refused or wait, and it keeps running', async () => {
    const socket = await connect(side.inboundPort);
    flood.push(socket);
    const answer = await ask(socket, '/', 300);
    assert.match(answer, /^(?:closed|nothing within|HTTP\/1\.1 503 )/);
    assert.ok(side.isRunning, side.errors);
  });

  test('it does not spin', async () => {
    const cpuBefore = side.cpuSeconds();
    await delay(1_000);
    const usedSeconds = side.cpuSeconds() - cpuBefore;
    assert.ok(usedSeconds < 0.3, `${usedSeconds} s of CPU in a second in which nothing happens`);
  });

  test('a request that needs a new connection to the app is told so', async () => {
    // the app closes the connections it has, and the descriptors are taken at once
    await ask(first, '/once');
    await ask(second, '/once');
    await exhaust();
    const answer = await ask(first);
    assert.match(answer, /^HTTP\/1\.1 50[23] [\s\S]*weft-error: (?:connect-failure|overloaded)/);
    assert.ok(side.isRunning, side.errors);
  });

  test('when descriptors are free again everything works', async () => {
    for (const socket of flood.splice(0)) socket.destroy();
    await eventually('they are free', () => descriptorsOf() < DESCRIPTORS / 2);
    assert.match(await talk(side.inboundPort, last()), /^HTTP\/1\.1 200 /);
    assert.match(await ask(first), /^HTTP\/1\.1 200 /);
    for (let round = 0; round < 3; round += 1) {
      const burst = await Promise.all(Array.from({ length: 10 }, () => talk(side.inboundPort, last())));
      for (const answer of burst) assert.match(answer, /^HTTP\/1\.1 200 /);
    }
    first.destroy();
    second.destroy();
  });
});

test('an outbound listener survives it too, and its callers are told', async () => {
  const held: Socket[] = [];
  const slow = await serve(() => {});
  const own = await SideProcess.start(
    { endpoint: { port: slow.port }, protocol: 'HTTP' },
    { descriptorLimit: DESCRIPTORS },
  );
  // each takes two: the client's and the endpoint's
  for (let count = 0; count < CONNECTIONS; count += 1) {
    const socket = await connect(own.outboundPort);
    socket.write(get());
    held.push(socket);
  }
  await delay(300);
  assert.ok(own.isRunning, own.errors);
  const cpuBefore = own.cpuSeconds();
  await delay(700);
  assert.ok(own.cpuSeconds() - cpuBefore < 0.3);
  for (const socket of held) socket.destroy();
  await slow.close();
  await eventually('it can be asked again', async () => {
    const answer = await talk(own.outboundPort, last()).catch(() => '');
    return /^HTTP\/1\.1 502 [\s\S]*weft-error: connect-failure/.test(answer);
  });
  await own.stop();
});

test('a whole sidecar survives it, and its metrics can be scraped on a connection that is open', async (t) => {
  const sidecar = await runSidecar(t, app.port, DESCRIPTORS);
  const held: Socket[] = [];
  t.after(() => {
    for (const socket of held) socket.destroy();
  });
  const scraper = await connect(sidecar.adminPort);
  held.push(scraper);
  assert.match(await ask(scraper, '/metrics'), /^HTTP\/1\.1 200 /);
  for (let count = 0; count < CONNECTIONS; count += 1) held.push(await connect(sidecar.inboundPort));
  await delay(300);
  assert.match(await ask(scraper, '/metrics'), /^HTTP\/1\.1 200 /);
  for (const socket of held.splice(0)) socket.destroy();
  await eventually('it serves again', async () => {
    const answer = await talk(sidecar.inboundPort, last()).catch(() => '');
    return answer.startsWith('HTTP/1.1 200 ');
  });
  assert.match(await sidecar.metrics(), /process_resident_memory_bytes \d+/);
});
