import assert from 'node:assert/strict';
import { connect as connectHttp2, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { ALPN } from '../api/names.ts';
import { inbound, start, toClose } from './testing/harness.ts';
import { WEB } from './testing/pair.ts';
import { connect, readAll, readUntil, serve, talk } from './testing/wire.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const REFUSED = /weft_errors_total\{direction="inbound",code="bad-request"\} 1\n/;
const echo = () => serve((socket) => socket.pipe(socket));

test('a port declared HTTP refuses HTTP/2 in plaintext, in one piece and in many', async () => {
  const app = await echo();
  const pair = await start(app, { inbound: inbound([], { protocol: 'HTTP' }) });
  assert.equal(await talk(pair.inboundPort, PREFACE), '');
  assert.match(pair.api.path.renderMetrics(), REFUSED);
  assert.match(JSON.parse(pair.api.log[0]!).code, /^bad-request$/);
  const slow = await connect(pair.inboundPort);
  slow.setNoDelay(true);
  const heard = readAll(slow);
  for (const byte of PREFACE) {
    slow.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.doesNotMatch(await heard, /PRI/);
  slow.destroy();
  assert.equal(app.accepted.length, 0);
});

test('an anonymous HTTP/2 client cannot tell the app behind a port declared HTTP who calls', async () => {
  const callers: unknown[] = [];
  const app = createServer((request, response) => {
    callers.push(request.headers['weft-caller']);
    response.end();
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise<void>((resolve) => void app.close(() => resolve()));
  const { port } = app.address() as AddressInfo;
  const pair = await start({ port, accepted: [], close }, { inbound: inbound([], { protocol: 'HTTP' }) });
  const session = connectHttp2(`http://127.0.0.1:${pair.inboundPort}`);
  session.on('error', () => {});
  const request = session.request({ ':path': '/', 'weft-caller': WEB });
  request.on('error', () => {});
  await new Promise((resolve) => request.once('close', resolve));
  session.destroy();
  assert.deepEqual(callers, []);
  assert.match(pair.api.path.renderMetrics(), REFUSED);
});

test('a port declared HTTP refuses HTTP/2 inside mTLS', async () => {
  const app = await echo();
  const pair = await start(app, {
    inbound: inbound([], { protocol: 'HTTP' }),
    destination: { protocol: 'HTTP' },
  });
  assert.equal(await talk(pair.port, PREFACE), '');
  assert.match(pair.api.path.renderMetrics(), REFUSED);
});

test('a port declared HTTP cuts HTTP/2 that comes after the server has spoken', async () => {
  let heard = '';
  const app = await serve((socket) => {
    socket.write('hello');
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
    });
  });
  const pair = await start(app, { inbound: inbound([], { protocol: 'HTTP' }) });
  const identity = await pair.authority.workload(WEB);
  const socket = tls.connect({
    ...{ port: pair.inboundPort, host: '127.0.0.1', ALPNProtocols: [ALPN.tcp] },
    ...{ cert: identity.certificate, key: identity.privateKey, ca: identity.trustBundle },
    checkServerIdentity: () => undefined,
  });
  toClose.push(async () => void socket.destroy());
  socket.on('error', () => {});
  await readUntil(socket, 'hello');
  const rest = readAll(socket);
  socket.write(PREFACE);
  assert.equal(await rest, '');
  assert.equal(heard, '');
  assert.match(pair.api.path.renderMetrics(), REFUSED);
});

for (const protocol of ['HTTP2', 'GRPC', undefined] as const) {
  test(`HTTP/2 is carried to a port declared ${protocol ?? 'nothing'}, in plaintext and inside mTLS`, async () => {
    const declared = protocol === undefined ? {} : { protocol };
    const pair = await start(await echo(), { inbound: inbound([], declared), destination: declared });
    for (const port of [pair.inboundPort, pair.port]) assert.equal(await talk(port, PREFACE, true), PREFACE);
  });
}
