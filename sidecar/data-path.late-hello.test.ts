import assert from 'node:assert/strict';
import net, { type Socket } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { get, inbound, sleep, start, toClose } from './testing/harness.ts';
import { WEB } from './testing/pair.ts';
import { connect, ok, readUntil, serve, type TestServer } from './testing/wire.ts';

/** Longer than a Permissive port waits for the first byte before the app may be the one that speaks. */
const LATE_MS = 300;

/** A network that holds back what callers say first, and then lets it through in pieces. */
async function slowNetwork(inboundPort: () => number, pieceBytes: number): Promise<number> {
  const relay = await serve((caller) => {
    const callee = net.connect({ port: inboundPort(), host: '127.0.0.1', allowHalfOpen: true });
    callee.on('error', () => caller.destroy());
    caller.on('close', () => callee.destroy());
    callee.pipe(caller);
    caller.once('data', (hello: Buffer) => {
      caller.pause();
      void passLate(hello, callee, pieceBytes).then(() => caller.pipe(callee));
    });
  });
  toClose.push(relay.close);
  return relay.port;
}

async function passLate(hello: Buffer, callee: Socket, pieceBytes: number): Promise<void> {
  await sleep(LATE_MS);
  for (let at = 0; at < hello.length; at += pieceBytes) {
    callee.write(hello.subarray(at, at + pieceBytes));
    await sleep(2);
  }
}

interface HeardApp extends TestServer {
  /** all it was sent, of each connection on which there was something */
  readonly heard: () => string[];
}
async function hearingApp(): Promise<HeardApp> {
  const heard = new Map<Socket, string>();
  const app = await serve((socket) => {
    socket.on('data', (bytes: Buffer) => {
      heard.set(socket, (heard.get(socket) ?? '') + bytes.toString('latin1'));
      socket.write(ok('fine'));
    });
    socket.on('end', () => socket.end());
  });
  return Object.assign(app, { heard: () => [...heard.values()] });
}

for (const [what, pieceBytes] of [
  ['in one piece', 100_000],
  ['in many pieces', 200],
] as const) {
  test(`a caller of the mesh that says its hello late, ${what}, is the caller it is, and the app hears nothing of the hello`, async () => {
    const app = await hearingApp();
    const via = (port: () => number) => slowNetwork(port, pieceBytes);
    const pair = await start(app, { via, destination: { protocol: 'HTTP' } });
    const socket = await connect(pair.port);
    socket.write(get('/first'));
    assert.match(await readUntil(socket, 'fine'), /^HTTP\/1\.1 200 /);
    const [request, ...more] = app.heard();
    assert.match(request!, new RegExp(`^GET /first HTTP/1.1[^]*weft-caller: ${WEB}`));
    assert.deepEqual(more, []);
    // it is mTLS from now on: a port that becomes Strict does not lose it
    const { state } = pair.api;
    state.setConfig({ ...state.config!, inbound: inbound([], { mtls: 'Strict' }) });
    socket.write(get('/second'));
    assert.match(await readUntil(socket, 'fine'), /^HTTP\/1\.1 200 /);
    socket.destroy();
    assert.equal(pair.api.log.length, 0, pair.api.log.join());
  });
}

test('TLS of others that comes late is passed to the app as it is', async () => {
  const app = await hearingApp();
  const pair = await start(app);
  const socket = await connect(pair.inboundPort);
  await sleep(LATE_MS);
  const hello = await helloOf(['h2']);
  socket.write(hello);
  await readUntil(socket, 'fine');
  socket.destroy();
  assert.deepEqual(app.heard(), [hello.toString('latin1')]);
});

/** What a TLS client says first. */
function helloOf(ALPNProtocols: string[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      tls
        .connect({ host: '127.0.0.1', port, ALPNProtocols, rejectUnauthorized: false })
        .on('error', () => {});
    });
  });
}
