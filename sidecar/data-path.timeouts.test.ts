import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { TestAuthority } from './testing/certificates.ts';
import { get, last, sleep, until } from './testing/harness.ts';
import { type Served, serveRequests } from './testing/http-server.ts';
import { API, WEB } from './testing/pair.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { connect, ok, readAll, readUntil, serve, talk } from './testing/wire.ts';

const SILENT = (_request: Served) => {};
const DONE = (request: Served) => request.answer(200, 'done');
const MESHED = { spiffeId: API };
const TIMEOUT = /^HTTP\/1.1 504 [\s\S]*weft-error: timeout/;

afterEach(async () => {
  await until(() => usage().requests === 0);
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

test('an endpoint that does not take the connection in time is given up for another', async () => {
  // it takes part in no handshake
  const mute = await serve(() => {});
  const caller = await Caller.start([mute, await serveRequests(DONE)], {
    endpoints: [MESHED],
    identity: await (await TestAuthority.create()).workload(WEB),
    traffic: { timeout: { connectMs: 60 }, loadBalancing: { algorithm: 'RoundRobin' } },
  });
  for (const _ of [1, 2]) assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
  assert.ok(caller.metric('weft_retries_total', 'reason="connect"') >= 1);
});

test('an attempt that takes too long is tried again where the policy retries silence', async () => {
  const server = await serveRequests((request) => (request.turn === 1 ? SILENT : DONE)(request));
  const caller = await Caller.start([server], {
    traffic: {
      routes: [{ name: 'r', timeout: { attemptMs: 60 }, retry: { attempts: 1, conditions: ['Reset'] } }],
    },
  });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200 [\s\S]*done$/);
  assert.equal(server.seen.length, 2);
  assert.equal(caller.metric('weft_retries_total', 'reason="timeout"'), 1);
});

test('an attempt that takes too long is answered with 504 where nothing is retried', async () => {
  const server = await serveRequests(SILENT);
  const caller = await Caller.start([server], {
    traffic: { routes: [{ name: 'r', timeout: { attemptMs: 60 } }] },
  });
  assert.match(await talk(caller.port, last()), TIMEOUT);
  assert.equal(server.seen.length, 1);
  assert.equal(caller.metric('weft_errors_total', 'code="timeout"'), 1);
  assert.equal(caller.log()[0]?.code, 'timeout');
});

test('the attempt timeout ends with the head of the response: a body may take its time', async () => {
  const server = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl');
      setTimeout(() => socket.write('ow'), 200);
    });
  });
  const caller = await Caller.start([server], {
    traffic: { routes: [{ name: 'r', timeout: { attemptMs: 60 } }] },
  });
  assert.match(await talk(caller.port, last()), /slow$/);
});

test('the request timeout bounds all attempts together', async () => {
  const server = await serveRequests(SILENT);
  const caller = await Caller.start([server], {
    traffic: {
      routes: [
        {
          name: 'r',
          timeout: { attemptMs: 60, requestMs: 250 },
          retry: { attempts: 10, conditions: ['Reset'], backoffBaseMs: 1 },
        },
      ],
    },
  });
  assert.match(await talk(caller.port, last()), TIMEOUT);
  assert.ok(server.seen.length >= 2 && server.seen.length <= 5, `${server.seen.length} attempts`);
});

test('the request timeout of the destination holds for routes that have none, and 0 is none', async () => {
  const server = await serveRequests((request) => void setTimeout(() => request.answer(200, 'slow'), 250));
  const caller = await Caller.start([server], {
    traffic: {
      timeout: { requestMs: 80 },
      routes: [
        {
          name: 'patient',
          match: [{ path: { type: 'Exact', value: '/patient' } }],
          timeout: { requestMs: 0 },
        },
        { name: 'rest' },
      ],
    },
  });
  assert.match(await talk(caller.port, last('/')), TIMEOUT);
  assert.match(await talk(caller.port, last('/patient')), /slow$/);
  assert.equal(caller.log()[0]?.route, 'rest');
});

test('a response that has begun is cut by the request timeout, not ended', async () => {
  const server = await serve((socket) => {
    socket.once('data', () =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
    );
  });
  const caller = await Caller.start([server], { traffic: { timeout: { requestMs: 80 } } });
  const socket = await connect(caller.port);
  const errors: string[] = [];
  socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''));
  const answer = readAll(socket);
  socket.write(get());
  assert.match(await answer, /half\r\n$/);
  await until(() => errors.length > 0);
  assert.deepEqual(errors, ['ECONNRESET']);
});

test('a request without a byte either way for the idle timeout of its destination or route gets 504', async () => {
  const server = await serveRequests(SILENT);
  const caller = await Caller.start([server], {
    traffic: {
      timeout: { idleMs: 60 },
      routes: [
        { name: 'patient', match: [{ path: { type: 'Exact', value: '/patient' } }], timeout: { idleMs: 0 } },
        { name: 'rest' },
      ],
    },
    limits: { idleTimeoutMs: 100 },
  });
  assert.match(await talk(caller.port, last('/')), TIMEOUT);
  const socket = await connect(caller.port);
  socket.write(get('/patient'));
  await sleep(300);
  assert.equal(usage().requests, 1);
  socket.resetAndDestroy();
});

test('bytes that come now and then keep a request from being idle, up or down', async () => {
  const server = await serve((socket) => {
    let sent = 0;
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n');
      const timer = setInterval(() => {
        socket.write('.');
        if (++sent === 6) clearInterval(timer);
      }, 60);
    });
  });
  const caller = await Caller.start([server], { traffic: { timeout: { idleMs: 150 } } });
  assert.match(await talk(caller.port, last()), /\.{6}$/);

  const upload = await serveRequests(DONE);
  const uploader = await Caller.start([upload], { traffic: { timeout: { idleMs: 150 } } });
  const socket = await connect(uploader.port);
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n');
  for (let byte = 0; byte < 6; byte += 1) {
    await sleep(60);
    socket.write('.');
  }
  await readUntil(socket, 'done');
  socket.destroy();
});

test('the idle timeout of a route ends with its request: the connection may idle as before', async () => {
  const server = await serveRequests(DONE);
  const caller = await Caller.start([server], { traffic: { timeout: { idleMs: 60 } } });
  const socket = await connect(caller.port);
  socket.write(get());
  await readUntil(socket, 'done');
  await sleep(250);
  socket.write(get());
  assert.match(await readUntil(socket, 'done'), /^HTTP\/1.1 200/);
  socket.destroy();
});

test('a pipelined request has its idle time from when its turn has come', async () => {
  let turn = 0;
  const server = await serve((socket) => {
    socket.on('data', () => {
      turn += 1;
      // the first has a response without a body, the second takes a moment
      if (turn === 1) setTimeout(() => socket.write('HTTP/1.1 204 No Content\r\n\r\n'), 250);
      else setTimeout(() => socket.write(ok('second')), 60);
    });
  });
  const caller = await Caller.start([server], {
    traffic: {
      routes: [
        { name: 'slow', match: [{ path: { type: 'Exact', value: '/1' } }] },
        { name: 'quick', timeout: { idleMs: 200 } },
      ],
    },
  });
  assert.match(await talk(caller.port, get('/1') + last('/2')), /^HTTP\/1.1 204 [\s\S]*second$/);
});

test('a client that goes away leaves nothing behind, whatever its request was waiting for', async () => {
  const server = await serveRequests(SILENT);
  const stalled = await serve((socket: Socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart'));
  });
  const mute = await serve(() => {});
  const identity = await (await TestAuthority.create()).workload(WEB);
  const phases: [string, Caller, string][] = [
    ['connecting', await Caller.start([mute], { endpoints: [MESHED], identity }), get()],
    ['sending', await Caller.start([server]), 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npart'],
    ['awaiting', await Caller.start([server]), get()],
    ['receiving', await Caller.start([stalled]), get()],
  ];
  for (const [phase, caller, request] of phases) {
    const socket = await connect(caller.port);
    socket.write(request);
    await until(() => usage().hosts === 1, phase);
    await sleep(20);
    socket.resetAndDestroy();
    await until(() => usage().hosts === 0 && usage().requests === 0, `the end of ${phase}`);
    await until(() => caller.side.path.connections().pools === 0, `no connection left of ${phase}`);
  }
});

test('a tunnel has the idle timeout of its route', async () => {
  const server = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      socket.pipe(socket);
    });
  });
  const upgrade = get('/', 'Connection: Upgrade\r\nUpgrade: x\r\n');
  const short = await Caller.start([server], { traffic: { timeout: { idleMs: 100 } } });
  assert.match(await talk(short.port, upgrade), /^HTTP\/1.1 101 [\s\S]*\r\n\r\n$/);
  const none = await Caller.start([server], {
    traffic: { timeout: { idleMs: 0 } },
    limits: { idleTimeoutMs: 100 },
  });
  const socket = await connect(none.port);
  socket.write(upgrade);
  await readUntil(socket, '101');
  await sleep(300);
  socket.write('still');
  await readUntil(socket, 'still');
  socket.resetAndDestroy();
});
