import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { InboundLimits } from '../api/proxy-config.ts';
import { echoHead, get, inbound, last, sleep, start, toClose, until } from './testing/harness.ts';
import { serveRequests } from './testing/http-server.ts';
import type { Pair } from './testing/pair.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp, type TestServer, talk } from './testing/wire.ts';

const limited = (limits: InboundLimits) => inbound([], { limits });

async function limitedPair(app: TestServer, limits: InboundLimits): Promise<Pair> {
  return start(app, { inbound: limited(limits) });
}
function configure(pair: Pair, limits: InboundLimits | undefined): void {
  const { config } = pair.api.state;
  pair.api.state.setConfig({ ...config!, inbound: limits ? limited(limits) : inbound([]) });
}
/** An app that answers with the length of the body it got. */
const countBody = () => serveRequests(({ body, answer }) => answer(200, `${body.length}`));
const nothingOpen = (pair: Pair) => until(() => pair.api.path.connections().open === 0);
const errors = (pair: Pair, code: string): number =>
  Number(
    new RegExp(`weft_errors_total\\{direction="inbound",code="${code}"\\} (\\d+)`).exec(
      pair.api.path.renderMetrics(),
    )?.[1] ?? 0,
  );

const post = (size: number, more = ''): string =>
  `POST / HTTP/1.1\r\nHost: api\r\nConnection: close\r\nContent-Length: ${size}\r\n${more}\r\n`;
const CHUNKED = 'POST / HTTP/1.1\r\nHost: api\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;

test('a body of the limit passes, by length and chunked, and one byte more gets 413', async () => {
  const app = await countBody();
  const pair = await limitedPair(app, { maxBodyBytes: 1_000 });
  const body = 'x'.repeat(1_000);
  assert.match(await talk(pair.port, post(1_000) + body), /^HTTP\/1\.1 200 .*\r\n\r\n1000$/s);
  const chunks = CHUNKED + chunk(body.slice(0, 400)) + chunk(body.slice(400));
  assert.match(await talk(pair.port, `${chunks}0\r\n\r\n`), /^HTTP\/1\.1 200 .*\r\n\r\n1000$/s);
  assert.equal(app.seen.length, 2);

  const over =
    /^HTTP\/1\.1 413 Content Too Large\r\n.*weft-error: body-too-large\r\n.*Connection: close\r\n/s;
  assert.match(await talk(pair.inboundPort, `${post(1_001)}${body}y`), over);
  assert.match(await talk(pair.inboundPort, `${chunks}${chunk('y')}0\r\n\r\n`), over);
  assert.match(await talk(pair.port, `${post(1_001)}${body}y`), /^HTTP\/1\.1 413 /);
  assert.match(await talk(pair.port, `${chunks}${chunk('y')}0\r\n\r\n`), /^HTTP\/1\.1 413 /);
  assert.equal(app.seen.length, 2, 'no whole request more than those came to the app');
  assert.equal(errors(pair, 'body-too-large'), 4);
  await nothingOpen(pair);
});

test('a body that turns out too large cuts the app’s connection, so that it does not look complete', async () => {
  let ended = '';
  const app = await serve((socket) => {
    socket.on('end', () => {
      ended = 'end';
    });
    socket.on('close', (hadError) => {
      ended ||= hadError ? 'error' : 'close';
    });
    socket.resume();
  });
  const pair = await limitedPair(app, { maxBodyBytes: 10 });
  const socket = await connect(pair.inboundPort);
  const answer = readAll(socket);
  socket.write(CHUNKED + chunk('12345'));
  await until(() => app.accepted.length === 1 && app.accepted[0]!.bytesRead > 0);
  socket.write(chunk('678901'));
  assert.match(await answer, /^HTTP\/1\.1 413 /);
  await until(() => ended !== '');
  socket.destroy();
  await nothingOpen(pair);
  await until(() => pair.api.path.connections().pools === 0);
});

test('too large a body that is announced with Expect is refused before a byte of it, and the app hears nothing', async () => {
  const app = await countBody();
  const pair = await limitedPair(app, { maxBodyBytes: 10 });
  const answer = await talk(pair.inboundPort, post(11, 'Expect: 100-continue\r\n'));
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.equal(app.accepted.length, 0);
  const socket = await connect(pair.inboundPort);
  socket.write(post(10, 'Expect: 100-continue\r\n'));
  await readUntil(socket, '100 Continue\r\n\r\n');
  const rest = readAll(socket);
  socket.write('1234567890');
  assert.match(await rest, /^HTTP\/1\.1 200 /);
  socket.destroy();
});

test('what follows a body that was refused is not taken for a request', async () => {
  const app = await echoHead();
  const pair = await limitedPair(app, { maxBodyBytes: 5 });
  const answer = await talk(
    pair.inboundPort,
    `${get('/one')}POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 99\r\n\r\n${get('/two')}`,
  );
  assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 413']);
  assert.doesNotMatch(answer, /\/two/);
});

test('after the answer has begun a body over the limit cuts the exchange', async () => {
  const app = await serve((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun'));
  });
  const pair = await limitedPair(app, { maxBodyBytes: 10 });
  const socket = await connect(pair.inboundPort);
  socket.write(CHUNKED + chunk('12345'));
  await readUntil(socket, 'begun');
  const rest = readAll(socket);
  socket.write(chunk('x'.repeat(20)));
  assert.equal(await rest, '');
  socket.destroy();
  await nothingOpen(pair);
});

test('a limit of no body at all lets requests without one pass', async () => {
  const pair = await limitedPair(await countBody(), { maxBodyBytes: 0 });
  assert.match(await talk(pair.port, last()), /^HTTP\/1\.1 200 /);
  assert.match(await talk(pair.port, post(0)), /^HTTP\/1\.1 200 /);
  assert.match(await talk(pair.port, `${post(1)}x`), /^HTTP\/1\.1 413 /);
});

for (const status of ['413 Content Too Large', '417 Expectation Failed']) {
  test(`an app that answers ${status.slice(0, 3)} before the body is there ends the connection, and says so`, async () => {
    const app = await serveHttp(() => `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    const pair = await start(app);
    const request = 'POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n';
    const answer = await talk(pair.inboundPort, request);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status}\\r\\n.*Connection: close\\r\\n`, 's'));
  });
}

test('a request head over the limit gets 431, one within it passes, on open connections too', async () => {
  const pair = await limitedPair(await serveHttp(() => ok('fine')), { maxHeaderBytes: 1_000 });
  const padded = (size: number) => {
    const bare = get('/', 'X-Pad: \r\n').length - 4;
    return get('/', `X-Pad: ${'x'.repeat(size - bare)}\r\n`);
  };
  const socket = await connect(pair.inboundPort);
  socket.write(padded(1_000));
  await readUntil(socket, 'fine');
  configure(pair, { maxHeaderBytes: 500 });
  socket.write(padded(500));
  await readUntil(socket, 'fine');
  const refused = readUntil(socket, '\r\n\r\n');
  socket.write(padded(501));
  assert.match(await refused, /^HTTP\/1\.1 431 .*weft-error: header-too-large/s);
  socket.destroy();
  assert.match(await talk(pair.inboundPort, padded(501)), /^HTTP\/1\.1 431 /);
  configure(pair, { maxHeaderBytes: 10_000_000 });
  assert.match(await talk(pair.inboundPort, padded(70_000)), /^HTTP\/1\.1 431 /);
  assert.equal(errors(pair, 'header-too-large'), 3);
  await nothingOpen(pair);
});

test('connections over the limit are closed, those within it go on, also when it is lowered', async () => {
  const pair = await limitedPair(await serveHttp(() => ok('fine')), { maxConnections: 2 });
  const ask = async (socket: Socket) => {
    socket.write(get());
    return readUntil(socket, 'fine');
  };
  const open = [await connect(pair.inboundPort), await connect(pair.inboundPort)];
  for (const socket of open) await ask(socket);
  assert.equal(await talk(pair.inboundPort, get()), '');
  assert.equal(errors(pair, 'overloaded'), 1);
  assert.match(pair.api.path.renderMetrics(), /weft_connections_refused_total\{direction="inbound"\} 1\n/);
  configure(pair, { maxConnections: 1 });
  for (const socket of open) await ask(socket);
  open.pop()!.destroy();
  await until(() => pair.api.path.connections().open === 1);
  assert.equal(await talk(pair.inboundPort, get()), '');
  open.pop()!.destroy();
  await nothingOpen(pair);
  assert.match(await talk(pair.port, last()), /^HTTP\/1\.1 200 /);
});

test('requests over the limit that wait for the app get 503, and the others their answer', async () => {
  let release = () => {};
  const held: (() => void)[] = [];
  const app = await serveHttp((_head, socket) => {
    held.push(() => socket.write(ok('fine'), 'latin1'));
    release = () => {
      for (const answer of held.splice(0)) answer();
    };
    return undefined;
  });
  // one connection to the app, so that others wait for it
  const pair = await start(app, {
    inbound: limited({ maxPendingRequests: 2 }),
    limits: { maxConnectionsPerEndpoint: 1 },
  });
  const first = talk(pair.inboundPort, last('/first'));
  await until(() => held.length === 1);
  const waiting = [talk(pair.inboundPort, last('/second')), talk(pair.inboundPort, last('/third'))];
  await until(() => pair.api.path.connections().open === 3);
  await sleep(20);
  assert.match(await talk(pair.inboundPort, last('/fourth')), /^HTTP\/1\.1 503 .*weft-error: overloaded/s);
  for (let answered = 0; answered < 3; answered += 1) {
    await until(() => held.length === 1);
    release();
  }
  for (const answer of [first, ...waiting]) assert.match(await answer, /^HTTP\/1\.1 200 /);
  const fifth = talk(pair.inboundPort, last('/fifth'));
  await until(() => held.length === 1);
  release();
  assert.match(await fifth, /^HTTP\/1\.1 200 /);
  assert.equal(errors(pair, 'overloaded'), 1);
  await nothingOpen(pair);
});

test('who goes away while waiting for the app makes room', async () => {
  const app = await serve((socket) => void socket.resume());
  const pair = await start(app, {
    inbound: limited({ maxPendingRequests: 1 }),
    limits: { maxConnectionsPerEndpoint: 1 },
  });
  const sockets = [await connect(pair.inboundPort)];
  toClose.push(async () => {
    for (const socket of sockets) socket.destroy();
  });
  sockets[0]!.write(get());
  await until(() => app.accepted.length === 1 && app.accepted[0]!.bytesRead > 0);
  for (let turn = 0; turn < 5; turn += 1) {
    const socket = await connect(pair.inboundPort);
    sockets.push(socket);
    socket.write(get());
    await sleep(20);
    socket.resetAndDestroy();
    await until(() => pair.api.path.connections().open === 1);
  }
  assert.equal(errors(pair, 'overloaded'), 0);
  sockets[0]!.resetAndDestroy();
  await nothingOpen(pair);
});

test('an idle connection is closed after the policy’s time, and never with a time of 0', async () => {
  const pair = await start(await serveHttp(() => ok('fine')), {
    inbound: limited({ idleTimeoutMs: 100 }),
    limits: { idleTimeoutMs: 150 },
  });
  const socket = await connect(pair.inboundPort);
  socket.write(get());
  await readUntil(socket, 'fine');
  assert.equal(await readAll(socket), '');
  configure(pair, { idleTimeoutMs: 0 });
  const patient = await connect(pair.inboundPort);
  patient.write(get());
  await readUntil(patient, 'fine');
  await sleep(400);
  patient.write(get());
  await readUntil(patient, 'fine');
  configure(pair, { idleTimeoutMs: 100 });
  assert.equal(await readAll(patient), '');
  patient.destroy();
  socket.destroy();
  await nothingOpen(pair);
});

test('an opaque connection is closed after the policy’s time without a byte, also when it was opened before', async () => {
  const app = await serve((socket) => {
    socket.write('hello');
    socket.on('data', (bytes) => socket.write(bytes));
  });
  const pair = await start(app, {
    inbound: inbound([], { protocol: 'TCP', limits: { idleTimeoutMs: 0 } }),
    limits: { idleTimeoutMs: 100 },
  });
  const socket = await connect(pair.inboundPort);
  await readUntil(socket, 'hello');
  await sleep(400);
  socket.write('still here');
  await readUntil(socket, 'still here');
  const { config } = pair.api.state;
  const short = inbound([], { protocol: 'TCP', limits: { idleTimeoutMs: 50 } });
  pair.api.state.setConfig({ ...config!, inbound: short });
  assert.equal(await readAll(socket), '');
  socket.destroy();
  await nothingOpen(pair);
});

test('limits that are lifted hold no more', async () => {
  const pair = await limitedPair(await countBody(), {
    maxBodyBytes: 1,
    maxConnections: 1,
    maxHeaderBytes: 10,
  });
  assert.match(await talk(pair.inboundPort, `${post(2)}xx`), /^HTTP\/1\.1 431 /);
  configure(pair, undefined);
  assert.match(await talk(pair.inboundPort, `${post(2)}xx`), /^HTTP\/1\.1 200 /);
});
