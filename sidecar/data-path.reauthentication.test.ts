import assert from 'node:assert/strict';
import { test } from 'node:test';
import tls from 'node:tls';
import { ALPN } from '../api/names.ts';
import { get, inbound, last, sleep, start, until } from './testing/harness.ts';
import { type Pair, WEB } from './testing/pair.ts';
import { ok, serve, serveHttp } from './testing/wire.ts';

/** A caller whose certificate ends in a moment; what the inbound side says is collected. */
async function call(pair: Pair, alpn: string) {
  const notAfterMs = Math.ceil(Date.now() / 1000) * 1000 + 1_000;
  const { certificate, privateKey } = await pair.authority.workload(WEB, { notAfterMs });
  const socket = tls.connect({
    ...{ host: '127.0.0.1', port: pair.inboundPort, cert: certificate, key: privateKey },
    ...{ ca: pair.authority.bundle, ALPNProtocols: [alpn], checkServerIdentity: () => undefined },
  });
  const heard = { text: '', closed: false };
  socket.on('data', (bytes: Buffer) => {
    heard.text += bytes.toString('latin1');
  });
  socket.on('close', () => {
    heard.closed = true;
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('secureConnect', resolve));
  return { socket, heard, notAfterMs, ended: () => sleep(notAfterMs - Date.now() + 100) };
}

const LIMITS = { unprovenIdleMs: 300, unprovenMaxMs: 900 };

test('a connection without a request ends with the certificate of its caller, and not before', async () => {
  const pair = await start(await serveHttp(() => ok('done')), { inbound: inbound([]), limits: LIMITS });
  const { socket, heard, notAfterMs } = await call(pair, ALPN.http1);
  socket.write(get());
  await until(() => heard.text.includes('done'));
  assert.equal(heard.closed, false);
  await until(() => heard.closed);
  assert.ok(Date.now() >= notAfterMs, 'it ended before the certificate');
});

test('a request under way when the certificate ends is answered, and then the connection ends', async () => {
  let answer: (() => void) | undefined;
  const app = await serve((socket) => {
    socket.on('error', () => {});
    answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate');
  });
  const pair = await start(app, { inbound: inbound([]), limits: LIMITS });
  const { socket, heard, ended } = await call(pair, ALPN.http1);
  socket.write(get());
  await until(() => answer !== undefined);
  await ended();
  assert.equal(heard.closed, false);
  answer!();
  await until(() => heard.closed);
  assert.match(heard.text, /late$/);
});

test('bytes that are not parsed go on until the first pause after the certificate has ended', async () => {
  const pair = await start(await serve((socket) => socket.pipe(socket)), {
    inbound: inbound([]),
    limits: { ...LIMITS, unprovenMaxMs: 60_000 },
  });
  const { socket, heard, ended } = await call(pair, ALPN.tcp);
  const talking = setInterval(() => socket.write('x'), 50);
  await ended();
  await sleep(2 * LIMITS.unprovenIdleMs);
  assert.equal(heard.closed, false);
  clearInterval(talking);
  await until(() => heard.closed);
});

test('without a pause they are cut at last', async () => {
  const pair = await start(await serve((socket) => socket.pipe(socket)), {
    inbound: inbound([]),
    limits: LIMITS,
  });
  const { socket, heard, ended } = await call(pair, ALPN.tcp);
  const talking = setInterval(() => socket.writable && socket.write('x'), 50);
  await ended();
  await until(() => heard.closed);
  clearInterval(talking);
  assert.match(
    pair.api.path.renderMetrics(),
    /weft_errors_total\{direction="inbound",code="unauthenticated"\} 1\n/,
  );
});

test('a caller with a new certificate connects anew meanwhile', async () => {
  const pair = await start(await serveHttp(() => ok('done')), { inbound: inbound([]), limits: LIMITS });
  const { ended } = await call(pair, ALPN.http1);
  await ended();
  const { socket, heard } = await call(pair, ALPN.http1);
  socket.write(last());
  await until(() => heard.text.includes('done'));
});
