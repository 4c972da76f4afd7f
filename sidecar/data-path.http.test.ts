import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { echoHead, get, last, start } from './testing/harness.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp, type TestServer, talk } from './testing/wire.ts';

test('requests of one connection are answered in order, pipelined or not, over one upstream connection', async () => {
  const app = await echoHead();
  const pair = await start(app);
  const answer = await talk(pair.port, get('/1') + get('/2') + last('/3'));
  assert.deepEqual(answer.match(/GET \/\d/g), ['GET /1', 'GET /2', 'GET /3']);
  assert.equal(app.accepted.length, 1);
});

test('the app sees the normal form', async () => {
  const pair = await start(await echoHead());
  const answer = await talk(
    pair.port,
    'GET /a/%2e%2e//b?x=1 HTTP/1.1\r\nHost: API.shop.:80\r\nConnection: close\r\n\r\n',
  );
  assert.match(answer, /\r\n\r\nGET \/b\?x=1 HTTP\/1.1\r\nHost: api.shop\r\n/);
});

test('a large body passes both ways unchanged', async () => {
  const body = randomBytes(3_000_000);
  const pair = await start(await serveEcho());
  const socket = await connect(pair.port);
  const answer = readAll(socket);
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  socket.write(body);
  const echoed = Buffer.from(await answer, 'latin1');
  assert.equal(digestOf(echoed.subarray(echoed.indexOf('\r\n\r\n') + 4)), digestOf(body));
});

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Answers a request that has a Content-Length with its own body. */
function serveEcho(): Promise<TestServer> {
  return serve((socket) => {
    let seen: Buffer | undefined = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      if (seen === undefined) return void socket.write(bytes);
      seen = Buffer.concat([seen, bytes]);
      const end = seen.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = /content-length: (\d+)/i.exec(seen.toString('latin1', 0, end))?.[1];
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
      socket.write(seen.subarray(end + 4));
      seen = undefined;
    });
  });
}

test('a chunked response of unknown length arrives whole, with its trailers', async () => {
  const chunk = 'x'.repeat(50_000);
  const body = `${chunk.length.toString(16)}\r\n${chunk}\r\n`.repeat(40);
  const app = await serveHttp(
    () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}0\r\nX-Sum: 7\r\n\r\n`,
  );
  const pair = await start(app);
  const answer = await talk(pair.port, last());
  assert.equal((answer.match(/x/g) ?? []).length, 2_000_000);
  assert.match(answer, /0\r\nX-Sum: 7\r\n\r\n$/);
});

test('a response that ends with its connection arrives whole, chunked to HTTP/1.1 and as it is to HTTP/1.0', async () => {
  const app = await serveHttp((_head, socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
  const pair = await start(app);
  assert.match(
    await talk(pair.port, last()),
    /Transfer-Encoding: chunked[\s\S]*\r\nd\r\nuntil the end\r\n0\r\n\r\n$/,
  );
  assert.match(await talk(pair.port, 'GET / HTTP/1.0\r\n\r\n'), /Connection: close\r\n\r\nuntil the end$/);
});

test('interim responses pass, and Expect: 100-continue works end to end', async () => {
  const app = await serve((socket) => {
    socket.on('data', (bytes) => {
      if (bytes.includes('Expect: 100-continue')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      if (bytes.includes('hello')) socket.write(ok('got it'));
    });
  });
  const pair = await start(app);
  const socket = await connect(pair.port);
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  await readUntil(socket, 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write('hello');
  assert.match(await readUntil(socket, 'got it'), /^HTTP\/1.1 200/);
  socket.destroy();
});

test('HEAD and 304 have no body, and the connection goes on', async () => {
  const app = await serveHttp((head) =>
    head.startsWith('HEAD')
      ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
      : 'HTTP/1.1 304 Not Modified\r\n\r\n',
  );
  const pair = await start(app);
  const answer = await talk(pair.port, `HEAD / HTTP/1.1\r\nHost: a\r\n\r\n${last()}`);
  assert.match(answer, /^HTTP\/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP\/1.1 304 Not Modified\r\n/);
});

test('Upgrade becomes a tunnel, in both directions and to its end', async () => {
  const app = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst');
      socket.pipe(socket);
    });
  });
  const pair = await start(app);
  const socket = await connect(pair.port);
  socket.write(get('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n'));
  assert.match(await readUntil(socket, 'first'), /^HTTP\/1.1 101 [\s\S]*Upgrade: echo/);
  const rest = readAll(socket);
  socket.end('ping');
  assert.equal(await rest, 'ping');
});
