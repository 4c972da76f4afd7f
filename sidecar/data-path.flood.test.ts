import assert from 'node:assert/strict';
import net, { type Socket } from 'node:net';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { ALPN } from '../api/names.ts';
import { DENY_ADMIN, echoHead, get, inbound, last, sleep, start } from './testing/harness.ts';
import { connect, readUntil, serve, talk } from './testing/wire.ts';

const flood: Socket[] = [];
after(() => {
  for (const socket of flood) socket.destroy();
});

test('a client that reads late gets every answer, in order, and the connection goes on', async () => {
  const pair = await start(await echoHead(), {
    inbound: inbound([DENY_ADMIN]),
    limits: { headerTimeoutMs: 200 },
  });
  const socket = await connect(pair.inboundPort);
  flood.push(socket);
  socket.pause();
  const count = 20_000;
  socket.write(get('/admin/x').repeat(count) + get('/fine'));
  await sleep(600);
  const answer = readUntil(socket, 'GET /fine');
  socket.resume();
  assert.equal((await answer).match(/weft-error: denied/g)?.length, count);
  socket.write(get('/again'));
  await readUntil(socket, 'GET /again');
});

test('interim responses do not pile up for a client that never reads', async () => {
  let blocked = 0;
  const app = await serve((socket) => {
    const hint = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(1_000)}\r\n\r\n`.repeat(50));
    const more = () => {
      while (!socket.destroyed && socket.bytesWritten < 64_000_000 && socket.write(hint));
    };
    socket.on('drain', more);
    socket.once('data', more);
  });
  const pair = await start(app);
  const socket = await connect(pair.inboundPort);
  flood.push(socket);
  socket.pause();
  socket.write(get());
  const written = () => Math.max(0, ...app.accepted.map(({ bytesWritten }) => bytesWritten));
  for (let before = -1; blocked < 5; before = written()) {
    await sleep(100);
    blocked = written() > 0 && written() === before ? blocked + 1 : 0;
  }
  assert.ok(written() < 48_000_000, `${written()} bytes were taken of the app`);
});

/** A ClientHello as a peer of the mesh sends it. */
function clientHello(): Promise<Buffer> {
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
      const options = { host: '127.0.0.1', port, ALPNProtocols: [ALPN.http1], rejectUnauthorized: false };
      tls.connect(options).on('error', () => {});
    });
  });
}

test('peers that begin handshakes and never end them keep nobody out', async () => {
  const pair = await start(await echoHead(), {
    inbound: inbound([], { mtls: 'Strict' }),
    limits: { maxHandshakes: 8 },
  });
  const hello = await clientHello();
  for (let count = 0; count < 20; count += 1) {
    const socket = await connect(pair.inboundPort);
    flood.push(socket);
    socket.resume();
    socket.write(hello);
  }
  await sleep(200);
  assert.ok(pair.api.path.connections().handshakes <= 8);
  assert.match(await talk(pair.port, last('/fine')), /^HTTP\/1.1 200 /);
  assert.match(pair.api.path.renderMetrics(), /direction="inbound",code="overloaded"\} 1[23]\n/);
});
