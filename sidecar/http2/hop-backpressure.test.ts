import assert from 'node:assert/strict';
import type http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { FLAG, FRAME } from './frames/frame-types.ts';
import { startHop } from './hop.fixture.ts';
import { client, read } from './http2-peers.fixture.ts';
import { Peer } from './peer.fixture.ts';

/** So much may be on its way: what the kernel lets sockets grow to, windows of both connections, node's own buffers. */
const MOST_HELD_BYTES = 16 * 1024 * 1024;

const LARGE_BYTES = 24 * 1024 * 1024;

test('a reader that does not read stops the writer', async (t) => {
  let sent = 0;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const { session } = await client(t, (stream) => {
    stream.respond({ ':status': 200 });
    const more = () => {
      while (sent < LARGE_BYTES) {
        sent += chunk.length;
        if (!stream.write(chunk)) return void stream.once('drain', more);
      }
      stream.end();
    };
    more();
  });
  const stream = session.request({ ':path': '/' });
  await new Promise((resolve) => stream.once('response', resolve));
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(sent < MOST_HELD_BYTES, `${sent} bytes were taken from the writer`);
  assert.equal((await read(stream)).body.length, LARGE_BYTES);
});

test('an upload that nobody reads stops the client, and others go on meanwhile', async (t) => {
  let waiting: http2.ServerHttp2Stream | undefined;
  const { session } = await client(t, (stream, headers) => {
    stream.respond({ ':status': 200 });
    if (headers[':path'] === '/slow') waiting = stream;
    else stream.end('quick');
  });
  let sent = 0;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const slow = session.request({ ':method': 'POST', ':path': '/slow' });
  const more = () => {
    while (sent < LARGE_BYTES) {
      sent += chunk.length;
      if (!slow.write(chunk)) return void slow.once('drain', more);
    }
    slow.end();
  };
  more();
  let before = -1;
  while (before !== sent || waiting === undefined) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(sent < MOST_HELD_BYTES, `${sent} bytes were taken from the client`);
  assert.equal((await read(session.request({ ':path': '/' }))).body.toString(), 'quick');
  let received = 0;
  waiting.on('data', (piece: Buffer) => {
    received += piece.length;
  });
  waiting.on('end', () => waiting!.end());
  await read(slow);
  assert.equal(received, LARGE_BYTES);
});

test('interim heads without end, of HTTP/1, stop with a client that does not read', async (t) => {
  let sent = 0;
  const interim = `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(4_000)}\r\n\r\n`;
  const server = net.createServer((socket) => {
    const more = () => {
      while (sent < LARGE_BYTES) {
        sent += interim.length;
        if (!socket.write(interim)) return void socket.once('drain', more);
      }
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    };
    socket.on('error', () => {});
    socket.once('data', more);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hop = await startHop(t, (server.address() as AddressInfo).port, { to: 'http1' });
  const peer = await Peer.connect(hop.port);
  t.after(() => {
    peer.close();
    server.close();
  });
  peer.socket.pause();
  peer.send(
    peer.headers(1, [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
    ]),
  );
  let before = -1;
  while (before !== sent || sent === 0) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(sent < MOST_HELD_BYTES, `${sent} bytes were taken from the server`);
  peer.socket.resume();
  await peer.until(() =>
    peer.heard.some(
      ({ type, flags }) => (type === FRAME.headers && (flags & FLAG.endStream) !== 0) || type === FRAME.data,
    ),
  );
});
