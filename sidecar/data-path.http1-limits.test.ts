import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InboundLimits } from '../api/proxy-config.ts';
import { echoHead, get, inbound, sleep, start, until } from './testing/harness.ts';
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
