import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { Destination } from '../api/destination.ts';
import { destination, FakeState, proxyConfig } from './testing/fake-state.ts';
import { echoHead, last, sleep, start, toClose } from './testing/harness.ts';
import { API, type Pair, startSide, WEB } from './testing/pair.ts';
import { connect, readUntil, serve, talk } from './testing/wire.ts';

const KEY = 'shop/api:80';
const ADMIN = { address: '127.0.0.1', port: 1 };

/** A pair whose destination has a second endpoint: a sidecar in front of an app that is not there. */
async function startBesideDeadApp(traffic?: Destination['traffic']): Promise<Pair> {
  const gone = await serve(() => {});
  await gone.close();
  return startBeside(gone.port, traffic);
}

/** A pair whose destination has a second endpoint: a sidecar in front of another app. */
async function startBeside(appPort: number, traffic?: Destination['traffic']): Promise<Pair> {
  const pair = await start(await echoHead());
  const inbound = [{ address: '127.0.0.1', port: 0, appAddress: '127.0.0.1', appPort }];
  const config = proxyConfig('api-b', { listeners: { inbound, outbound: [], admin: ADMIN } });
  const dead = await startSide(new FakeState(await pair.authority.workload(API)), config);
  toClose.push(() => dead.path.stop());
  const ports = [dead.path.addresses()[0]!.port, pair.inboundPort];
  const endpoints = ports.map((port) => ({ address: '127.0.0.1', port, spiffeId: API, workload: 'api' }));
  const more = { name: 'api', protocol: 'HTTP' as const, ...(traffic && { traffic }) };
  pair.web.state.destinations.set(KEY, destination(KEY, endpoints, more));
  return pair;
}

test('an app that is not there behind a sidecar that is costs no request, and its endpoint is left alone after some', async () => {
  const pair = await startBesideDeadApp({ loadBalancing: { algorithm: 'RoundRobin' } });
  for (let count = 0; count < 40; count += 1) assert.match(await talk(pair.port, last()), /^HTTP\/1.1 200/);
  const metrics = pair.web.path.renderMetrics();
  const retries = Number(/weft_retries_total\{[^}]*reason="connect"\} (\d+)/.exec(metrics)?.[1]);
  assert.ok(retries >= 1 && retries <= 6, `${retries} retries`);
  assert.match(metrics, /weft_ejections_total\{[^}]*\} 1\n/);
});

test('a request that never came to its app is sent elsewhere whatever its method, as long as it has no body', async () => {
  const pair = await startBesideDeadApp();
  const post = 'POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
  for (let count = 0; count < 10; count += 1) assert.match(await talk(pair.port, post), /^HTTP\/1.1 200/);
  assert.match(pair.web.path.renderMetrics(), /weft_retries_total\{[^}]*reason="connect"\} [1-9]/);
});

/** Closes connections that it has not accepted, and stops to listen after a moment: an app that ends. */
async function serveEnding(afterMs: number): Promise<number> {
  const app = await serve((socket) => {
    socket.once('data', () => {
      setTimeout(() => void app.close(), afterMs);
      socket.resetAndDestroy();
    });
  });
  return app.port;
}

/** more than a sidecar repeats at once */
const MANY = 25;
const IN_TURN = { loadBalancing: { algorithm: 'RoundRobin' } } as const;

for (const afterMs of [0, 50]) {
  test(`what had come for an app that ends, and listens ${afterMs} ms more, is asked of another`, async () => {
    const pair = await startBeside(await serveEnding(afterMs), IN_TURN);
    for (let count = 0; count < 6; count += 1) assert.match(await talk(pair.port, last()), /^HTTP\/1.1 200/);
  });
}

test('however many had come for an app that ends, all are asked of another', async () => {
  const accepted: Socket[] = [];
  const app = await serve((socket) => {
    accepted.push(socket);
    if (accepted.length < MANY) return;
    void app.close();
    for (const each of accepted) each.resetAndDestroy();
  });
  const pair = await startBeside(app.port, IN_TURN);
  const answers = await Promise.all(Array.from({ length: MANY * 2 }, () => talk(pair.port, last())));
  assert.deepEqual(
    answers.map((answer) => answer.slice(9, 12)),
    Array.from({ length: MANY * 2 }, () => '200'),
  );
});

/** Serves one connection at a time, the next when it has ended; closes those that ask for /boom. */
function serveOneAtATime() {
  const queue: Socket[] = [];
  let isBusy = false;
  const next = () => {
    const socket = queue.shift();
    isBusy = socket !== undefined;
    socket?.once('close', next);
    socket?.once('end', () => socket.end());
    socket?.on('data', (bytes) => {
      if (bytes.includes('/boom')) socket.destroy();
      else socket.end('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  };
  return serve((socket) => {
    queue.push(socket);
    if (!isBusy) next();
  });
}

test('an app that serves one connection at a time goes on after it has closed one under a request', {
  timeout: 20_000,
}, async () => {
  const pair = await start(await serveOneAtATime(), { limits: { appIdleMs: 600_000 } });
  for (const [path, status] of [
    ['/boom', '502'],
    ['/', '200'],
  ] as const) {
    assert.equal((await talk(pair.port, last(path))).slice(9, 12), status);
  }
});

test('what is not idempotent is not asked of another once the app may have it', async () => {
  const pair = await startBeside(await serveEnding(0), IN_TURN);
  const post = 'POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
  const statuses: string[] = [];
  for (let count = 0; count < 6; count += 1) statuses.push((await talk(pair.port, post)).slice(9, 12));
  assert.deepEqual(statuses.sort(), ['200', '200', '200', '200', '200', '502']);
});

test('the log of the caller says what the other sidecar answered', async () => {
  const gone = await serve(() => {});
  await gone.close();
  const pair = await start({ ...gone, close: async () => {} }, { destination: { protocol: 'HTTP' } });
  assert.match(await talk(pair.port, last('/x')), /^HTTP\/1.1 502 [\s\S]*weft-error: connect-failure/);
  const entry = JSON.parse(pair.web.log[0]!) as Record<string, unknown>;
  assert.deepEqual(
    [entry.status, entry.code, entry.peerCode, entry.path],
    [502, undefined, 'connect-failure', '/x'],
  );
});

test('a request that is no HTTP is counted and logged like any other that failed', async () => {
  const pair = await start(await echoHead(), { destination: { protocol: 'HTTP' } });
  assert.match(await talk(pair.port, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'), /^HTTP\/1.1 400/);
  assert.match(pair.web.path.renderMetrics(), /weft_requests_total\{[^}]*status_class="4xx"\} 1\n/);
  const entry = JSON.parse(pair.web.log[0]!) as Record<string, unknown>;
  assert.deepEqual([entry.status, entry.code, entry.caller], [400, 'bad-request', WEB]);
  assert.match(String(entry.reason), /more than one Host/);
});

test('a client that spoke first once does not keep a server from speaking first to the next', async () => {
  const app = await serve((socket) => socket.write('220 hello\r\n'));
  const pair = await start(app);
  const eager = await connect(pair.port);
  eager.write('HELO\n');
  await readUntil(eager, '220');
  const silent = await connect(pair.port);
  await readUntil(silent, '220 hello');
  for (const socket of [eager, silent]) socket.destroy();
});

test('a server that spoke first once does not make HTTP of the next client opaque', async () => {
  // answers an idle connection by itself, as servers do that time out
  const app = await serve((socket) => {
    const timer = setTimeout(() => socket.end('HTTP/1.1 408 Request Timeout\r\n\r\n'), 200);
    socket.once('close', () => clearTimeout(timer));
    socket.once('data', () => {
      clearTimeout(timer);
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
  });
  const pair = await start(app);
  const idle = await connect(pair.port);
  await readUntil(idle, '408');
  idle.destroy();
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 200/);
  await sleep(10);
  assert.match(pair.web.path.renderMetrics(), /weft_requests_total\{[^}]*status_class="2xx"\} 1\n/);
});
