import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { sleep, start, until } from './testing/harness.ts';
import { deadPort } from './testing/http-server.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { connect, readAll, readUntil, serve, type TestServer, talk } from './testing/wire.ts';

const ROUND_ROBIN = { algorithm: 'RoundRobin', panicPercent: 0 } as const;

afterEach(async () => {
  await until(() => usage().hosts === 0, 'no host in use');
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

/** Says its name and then what it is told. */
const serveEcho = (name = ''): Promise<TestServer> =>
  serve((socket) => {
    socket.write(name);
    socket.pipe(socket);
  });

async function call(servers: readonly TestServer[], options: Parameters<typeof Caller.start>[1] = {}) {
  return Caller.start(servers, { protocol: 'TCP', ...options });
}

test('an endpoint that cannot be connected is left for another, before the client is told anything', async () => {
  const echo = await serveEcho();
  const caller = await call([echo], { traffic: { loadBalancing: ROUND_ROBIN } });
  caller.setEndpoints([await deadPort(), await deadPort(), echo.port]);
  for (const word of ['one', 'two', 'three']) assert.equal(await talk(caller.port, word, true), word);
  assert.ok(caller.metric('weft_retries_total', 'reason="connect"') >= 3);
});

test('a connection that no endpoint takes is closed, counted and logged', async () => {
  const caller = await call([await serveEcho()]);
  caller.setEndpoints([await deadPort(), await deadPort()]);
  assert.equal(await talk(caller.port, 'word'), '');
  assert.equal(caller.metric('weft_errors_total', 'code="connect-failure"'), 1);
  assert.equal(caller.log()[0]?.code, 'connect-failure');
});

test('an endpoint that cannot be connected is taken out', async () => {
  const echo = await serveEcho();
  const caller = await call([echo], { traffic: { loadBalancing: ROUND_ROBIN } });
  caller.setEndpoints([await deadPort(), echo.port]);
  for (let connection = 0; connection < 12; connection += 1) await talk(caller.port, 'x', true);
  assert.equal(caller.metric('weft_ejections_total'), 1);
  assert.equal(caller.metric('weft_retries_total'), 5);
});

test('an endpoint that is connected in between starts its count of failures anew', async () => {
  const once = { percent: 0, minPerSecond: 0 };
  const caller = await call([await serveEcho()], {
    traffic: { outlierDetection: { consecutiveErrors: 2 }, retryBudget: once },
  });
  const port = await deadPort();
  const other = await deadPort();
  for (let round = 0; round < 3; round += 1) {
    caller.setEndpoints([port, other]);
    // one failed connect, then one that succeeds, at the same endpoint
    assert.equal(await talk(caller.port, 'x', true), '');
    const servers = [port, other].map((at) =>
      net.createServer((socket) => socket.pipe(socket)).listen(at, '127.0.0.1'),
    );
    await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
    for (let connection = 0; connection < 8; connection += 1) {
      assert.equal(await talk(caller.port, 'x', true), 'x');
    }
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
  assert.equal(caller.metric('weft_ejections_total'), 0);
});

test('connections in flight count for balancing until both sides have closed', async () => {
  const names = ['a', 'b'];
  const servers = await Promise.all(names.map(serveEcho));
  const caller = await call(servers, { traffic: { loadBalancing: { algorithm: 'LeastRequest' } } });
  const first = await connect(caller.port);
  const busy = await readUntil(first, '');
  assert.equal(usage().hosts, 1);
  for (let connection = 0; connection < 4; connection += 1) {
    assert.notEqual(await talk(caller.port, '', true), busy);
  }
  first.destroy();
});

test('the end of one side is passed on and the other side goes on, both ways', async () => {
  const late = await serve((socket) => {
    socket.on('data', () => {});
    socket.once('end', () => setTimeout(() => socket.end('after your end'), 30));
  });
  const caller = await call([late]);
  assert.equal(await talk(caller.port, 'question', true), 'after your end');

  let heard = '';
  const early = await serve((socket) => {
    socket.end('bye');
    socket.on('data', (bytes) => {
      heard += bytes.toString();
    });
  });
  const other = await call([early]);
  const socket = await connect(other.port);
  assert.equal(await readAll(socket), 'bye');
  socket.write('still here, ');
  await sleep(30);
  socket.end('and done');
  await until(() => heard === 'still here, and done');
});

test('a reset of one side is a reset for the other, not an end', async () => {
  const server = await serve((socket) => {
    socket.write('part');
    setTimeout(() => socket.resetAndDestroy(), 30);
  });
  const caller = await call([server]);
  const socket = await connect(caller.port);
  const codes: string[] = [];
  socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code ?? ''));
  assert.equal(await readAll(socket), 'part');
  await until(() => codes.length > 0);
  assert.deepEqual(codes, ['ECONNRESET']);
});

test('a peer that does not read stops the reading of the other; all arrives once it reads', async () => {
  const body = randomBytes(20_000_000);
  let take = () => {};
  const hash = createHash('sha256');
  let taken = 0;
  const slow = await serve((socket) => {
    socket.pause();
    socket.on('data', (bytes: Buffer) => {
      taken += bytes.length;
      hash.update(bytes);
    });
    socket.on('end', () => socket.end());
    take = () => socket.resume();
  });
  const pair = await start(slow, { destination: { protocol: 'TCP' } });
  const socket = await connect(pair.port);
  socket.write(body);
  await until(() => slow.accepted.length === 1, 'the connection');
  let before = -1;
  // until nothing moves any more
  while (before !== socket.bytesWritten - socket.writableLength) {
    before = socket.bytesWritten - socket.writableLength;
    await sleep(100);
  }
  const accepted = pair.web.path.renderMetrics().match(/weft_tcp_bytes_total\{.*"sent".*\} (\d+)/);
  assert.ok(Number(accepted?.[1] ?? 0) < body.length, 'not all was read from the client');
  take();
  await until(() => taken === body.length);
  assert.equal(hash.digest('hex'), createHash('sha256').update(body).digest('hex'));
  socket.destroy();
});

test('a connection without a byte either way for the idle timeout is closed; of its destination if it has one', async () => {
  const one = await call([await serveEcho()], { limits: { idleTimeoutMs: 100 } });
  assert.equal(await talk(one.port, ''), '');
  const two = await call([await serveEcho()], { traffic: { timeout: { idleMs: 100 } } });
  assert.equal(await talk(two.port, ''), '');

  const none = await call([await serveEcho()], {
    limits: { idleTimeoutMs: 100 },
    traffic: { timeout: { idleMs: 0 } },
  });
  const socket = await connect(none.port);
  await sleep(300);
  socket.write('still');
  assert.equal(await readUntil(socket, 'still'), 'still');
  socket.destroy();
});

test('a client that leaves while its endpoint is being connected leaves nothing behind', async () => {
  const mute = await serveEcho();
  const caller = await call([mute]);
  const socket = await connect(caller.port);
  socket.resetAndDestroy();
  await until(() => caller.side.path.connections().open === 0);
});
