import assert from 'node:assert/strict';
import net, { type AddressInfo, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Host } from '../balancers/host.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { type Dial, dialPlain } from '../transport/dial.ts';
import { TimerWheel } from '../transport/timers.ts';
import { HealthChecks } from './health-check.ts';
import { fetchStatus, probeHttp, type Status } from './http-probe.ts';

/** A server that runs `serve` on each connection; all of it goes with the test. */
async function listen(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function dialTo(port: number, timers = new FakeTimers()): Dial {
  return dialPlain({ host: '127.0.0.1', port, timeoutMs: 1_000, timers });
}

function fetchFrom(port: number, timers = new FakeTimers()): Promise<Status> {
  return new Promise((resolve) => {
    fetchStatus(dialTo(port, timers), '/healthz', 'app.example:80', timers, 1_000, resolve);
  });
}

test('it sends one plain GET and reads the status', async (t) => {
  let request = '';
  const port = await listen(t, (socket) => {
    socket.on('data', (bytes) => {
      request += bytes.toString('latin1');
      if (request.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
  });
  assert.deepEqual(await fetchFrom(port), { ok: true, status: 204 });
  assert.equal(
    request,
    'GET /healthz HTTP/1.1\r\nHost: app.example:80\r\nUser-Agent: weft-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n',
  );
});

const ANSWERS: [name: string, answer: string, status: number | RegExp][] = [
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n', 200],
  ['no reason phrase', 'HTTP/1.1 503 \r\n', 503],
  ['a reason phrase of any bytes', 'HTTP/1.1 404 na\xefve\r\n', 404],
  [
    'interim answers before',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n',
    200,
  ],
  ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', /switched protocols/],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', /malformed/],
  ['HTTP/2 settings', '\x00\x00\x12\x04\x00\x00\x00\x00\x00\r\n', /malformed/],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n', /malformed/],
  ['lower case', 'http/1.1 200 OK\r\n', /malformed/],
  ['space before', ' HTTP/1.1 200 OK\r\n', /malformed/],
  ['a line before', '\r\nHTTP/1.1 200 OK\r\n', /malformed/],
  ['two spaces', 'HTTP/1.1  200 OK\r\n', /malformed/],
  ['a bare LF', 'HTTP/1.1 200 OK\nX: y\r\n', /malformed/],
  ['a NUL', 'HTTP/1.1 200 \0\r\n', /malformed/],
  ['four digits', 'HTTP/1.1 2000 OK\r\n', /malformed/],
  ['status 099', 'HTTP/1.1 099 OK\r\n', /malformed/],
  ['status 600', 'HTTP/1.1 600 OK\r\n', /malformed/],
];
for (const [name, answer, expected] of ANSWERS) {
  for (const how of ['whole', 'byte by byte'] as const) {
    test(`an answer with ${name}, ${how}`, async (t) => {
      const port = await listen(t, (socket) => {
        if (how === 'whole') socket.write(answer, 'latin1');
        else writeSlowly(socket, Buffer.from(answer, 'latin1'));
      });
      const result = await fetchFrom(port);
      if (typeof expected === 'number') assert.deepEqual(result, { ok: true, status: expected });
      else assert.match(result.ok ? '' : result.reason, expected);
    });
  }
}

function writeSlowly(socket: Socket, bytes: Buffer, from = 0): void {
  if (from >= bytes.length || socket.destroyed) return;
  socket.write(bytes.subarray(from, from + 1), () =>
    setImmediate(() => writeSlowly(socket, bytes, from + 1)),
  );
}

test('an answer without an end of line is cut off at the limit', async (t) => {
  const port = await listen(t, (socket) => socket.write(`HTTP/1.1 200 ${'x'.repeat(100_000)}`));
  const result = await fetchFrom(port);
  assert.deepEqual(result, { ok: false, reason: 'no status line within the limit' });
});

test('interim answers without end are cut off at the limit', async (t) => {
  const port = await listen(t, (socket) => socket.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(10_000)));
  assert.deepEqual(await fetchFrom(port), { ok: false, reason: 'no status line within the limit' });
});

for (const [name, close] of [
  ['ends', (socket: Socket) => socket.end('HTTP/1.1 20')],
  ['resets', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy())],
] as const) {
  test(`a connection that ${name} before the status is a failure`, async (t) => {
    const port = await listen(t, (socket) => void close(socket));
    const result = await fetchFrom(port);
    assert.match(result.ok ? '' : result.reason, /closed before it answered|ECONNRESET|EPIPE/);
  });
}

test('a host nobody listens on is a failure', async () => {
  const port = await new Promise<number>((resolve) => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
  const result = await fetchFrom(port);
  assert.match(result.ok ? '' : result.reason, /ECONNREFUSED/);
});

test('a host that says nothing times out, and the connection is closed', async (t) => {
  const timers = new FakeTimers();
  const closed = new Promise<void>((resolve, reject) => {
    listen(t, (socket) => {
      socket.on('data', () => timers.advance(1_000));
      socket.on('close', () => resolve());
      socket.on('end', () => socket.end());
    }).then(async (port) => {
      assert.deepEqual(await fetchFrom(port, timers), { ok: false, reason: 'timed out' });
      assert.equal(timers.pending, 0);
    }, reject);
  });
  await closed;
});

test('a cancelled fetch says nothing and leaves no timer, while dialling and after', async (t) => {
  const timers = new FakeTimers();
  const reached = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const port = await listen(t, (socket) => {
    socket.on('data', () => reached.resolve());
    socket.on('end', () => socket.end());
    socket.on('close', () => gone.resolve());
  });
  const never = () => assert.fail('done was called');
  const cancelDialling = fetchStatus(dialTo(port, timers), '/', 'app', timers, 1_000, never);
  cancelDialling();
  const cancelReading = fetchStatus(dialTo(port, timers), '/', 'app', timers, 1_000, never);
  await reached.promise;
  cancelReading();
  await gone.promise;
  assert.equal(timers.pending, 0);
});

test('a dial that takes too long is cancelled, and so is one that nobody waits for', () => {
  const timers = new FakeTimers();
  let cancelled = 0;
  const dial: Dial = () => () => {
    cancelled += 1;
  };
  const results: Status[] = [];
  fetchStatus(dial, '/', 'app', timers, 1_000, (result) => results.push(result));
  timers.advance(1_000);
  assert.deepEqual([results, cancelled], [[{ ok: false, reason: 'timed out' }], 1]);
  fetchStatus(dial, '/', 'app', timers, 1_000, (result) => results.push(result))();
  assert.deepEqual([results.length, cancelled, timers.pending], [1, 2, 0]);
});

const UNFIT: [path: string, host: string][] = [
  ['/x HTTP/1.1\r\nX-Admin: 1', 'app'],
  ['/a b', 'app'],
  ['/\u00e9', 'app'],
  ['/\0', 'app'],
  ['relative', 'app'],
  ['', 'app'],
  [`/${'x'.repeat(2_000)}`, 'app'],
  ['/', 'app\r\nX-Admin: 1'],
  ['/', 'user@app'],
  ['/', ''],
];
for (const [path, host] of UNFIT) {
  test(`nothing is dialled for ${JSON.stringify([path.slice(0, 30), host])}`, () => {
    const timers = new FakeTimers();
    const results: Status[] = [];
    const dial: Dial = () => assert.fail('dialled');
    fetchStatus(dial, path, host, timers, 1_000, (result) => results.push(result));
    assert.deepEqual(results, [{ ok: false, reason: 'the path or host is not fit for a request' }]);
    assert.equal(timers.pending, 0);
  });
}

test('health checks over the network see a host fail and recover', async (t) => {
  let status = 500;
  const port = await listen(t, (socket) => socket.write(`HTTP/1.1 ${status} \r\n\r\n`));
  const host = new Host({ address: '127.0.0.1', port }, 0);
  const timers = new TimerWheel();
  const verdicts: boolean[] = [];
  await new Promise<void>((resolve) => {
    const checks = new HealthChecks({
      policy: { path: '/healthz', intervalMs: 100, unhealthyAfter: 2, healthyAfter: 1 },
      timers,
      random: () => 0.9,
      probe: (probed, _policy, timeoutMs, done) =>
        probeHttp(
          dialPlain({ host: '127.0.0.1', port, timeoutMs, timers }),
          '/healthz',
          probed.name,
          timers,
          timeoutMs,
          done,
        ),
      changed: () => {
        verdicts.push(host.healthy);
        status = 200;
        if (verdicts.length === 2) resolve();
      },
    });
    t.after(() => checks.close());
    checks.setHosts([host]);
  });
  assert.deepEqual(verdicts, [false, true]);
});

test('a probe is content with 2xx and 3xx, and says what it got', async (t) => {
  const verdicts: [number, boolean, string][] = [];
  for (const status of [200, 204, 301, 399, 400, 404, 500, 503]) {
    const port = await listen(t, (socket) => socket.write(`HTTP/1.1 ${status} \r\n\r\n`));
    const timers = new FakeTimers();
    await new Promise<void>((resolve) => {
      probeHttp(dialTo(port, timers), '/', 'app', timers, 1_000, (ok, reason) => {
        verdicts.push([status, ok, reason]);
        resolve();
      });
    });
  }
  assert.deepEqual(
    verdicts,
    verdicts.map(([status]) => [status, status < 400, `status ${status}`]),
  );
});
