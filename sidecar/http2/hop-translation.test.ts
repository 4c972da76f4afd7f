import assert from 'node:assert/strict';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { talk } from '../testing/wire.ts';
import { startHop } from './hop.fixture.ts';
import { echo, read, upstream } from './http2-peers.fixture.ts';

async function overHttp1(t: TestContext, onConnection: (socket: net.Socket) => void) {
  const server = net.createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hop = await startHop(t, (server.address() as AddressInfo).port, { to: 'http1' });
  const session = http2.connect(`http://127.0.0.1:${hop.port}`);
  t.after(() => {
    session.destroy();
    server.close();
  });
  return session;
}

test('requests of HTTP/1 go out over HTTP/2, their bodies and trailers too', async (t) => {
  const port = await upstream(t, echo);
  const hop = await startHop(t, port, { from: 'http1' });
  const head =
    'POST /a HTTP/1.1\r\nHost: h\r\nX-Mixed: Case\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
  const answer = await talk(hop.port, `${head}5\r\nhello\r\n0\r\nX-T: yes\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /\r\nx-mixed: Case\r\n/);
  assert.match(answer, /hello/);
  assert.match(answer, /x-t: yes\r\n/);
});

test('requests of HTTP/2 go out over HTTP/1, their bodies and trailers too, their cookies as one', async (t) => {
  let heard = '';
  const session = await overHttp1(t, (socket) => {
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      if (!heard.endsWith('0\r\nx-t: yes\r\n\r\n')) return;
      socket.write(
        'HTTP/1.1 200 OK\r\nServer: One\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-U: too\r\n\r\n',
      );
    });
  });
  const stream = session.request(
    { ':method': 'POST', ':path': '/a', cookie: ['a=b', 'c=d'], te: 'trailers' },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-t': 'yes' }));
  stream.end('hello');
  const { headers, body, trailers } = await read(stream);
  assert.match(heard, /^POST \/a HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  assert.match(heard, /\r\ncookie: a=b; c=d\r\n/);
  assert.match(heard, /\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n/);
  assert.match(heard, /\r\n5\r\nhello\r\n0\r\n/);
  assert.deepEqual(
    [headers[':status'], headers.server, body.toString(), trailers['x-u']],
    [200, 'One', 'hi', 'too'],
  );
});

test('an extended CONNECT goes out as an Upgrade of HTTP/1, and its answer opens the tunnel', async (t) => {
  const session = await overHttp1(t, (socket) => {
    socket.once('data', (bytes) => {
      assert.match(
        bytes.toString(),
        /^GET \/chat HTTP\/1\.1\r\n[\s\S]*Connection: Upgrade\r\nUpgrade: echo\r\n/,
      );
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
  });
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'echo', ':path': '/chat' });
  const answer = read(stream);
  stream.end('there and back');
  const { headers, body } = await answer;
  assert.deepEqual([headers[':status'], body.toString()], [200, 'there and back']);
});
