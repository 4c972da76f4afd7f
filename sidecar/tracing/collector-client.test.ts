import assert from 'node:assert/strict';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { TestAuthority } from '../testing/certificates.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { until } from '../testing/harness.ts';
import { deadPort } from '../testing/http-server.ts';
import { ok, serve, serveHttp, type TestServer } from '../testing/wire.ts';
import { collectorClient, type Delivery } from './collector-client.ts';

const toClose: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const close of toClose) await close();
});

function clientOf(port: number) {
  const timers = new FakeTimers();
  const client = collectorClient(new URL(`http://127.0.0.1:${port}/v1/traces`), timers);
  toClose.push(client.close);
  const deliver = (body = '{}') => new Promise<Delivery>((resolve) => void client.deliver(body, resolve));
  return { timers, client, deliver };
}

/** What comes of one batch at a server that answers so. */
async function deliverTo(answer: string): Promise<Delivery> {
  const server = await serveHttp(() => answer);
  toClose.push(server.close);
  return clientOf(server.port).deliver('');
}
const answerOf = (status: string, more = '') => `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n${more}\r\n`;

test('a batch is posted as JSON, the next one over the same connection', async () => {
  const heads: string[] = [];
  const server = await serve((socket) =>
    socket.on('data', (bytes) => {
      heads.push(bytes.toString());
      if (bytes.includes('{}')) socket.write(ok('{}'));
    }),
  );
  toClose.push(server.close);
  const { deliver } = clientOf(server.port);
  for (let batch = 0; batch < 2; batch += 1) {
    assert.deepEqual(await deliver(), { type: 'accepted', rejectedSpans: 0 });
  }
  assert.match(heads.join(''), /^POST \/v1\/traces HTTP\/1.1\r\n/);
  assert.match(heads.join(''), /Content-Type: application\/json\r\nContent-Length: 2\r\n/);
  assert.equal(server.accepted.length, 1);
});

test('partial success tells how many were refused', async () => {
  const body = '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too many"}}';
  assert.deepEqual(await deliverTo(ok(body)), { type: 'accepted', rejectedSpans: 3 });
  for (const nothing of ['{"partialSuccess":{}}', '{}', '']) {
    assert.deepEqual(await deliverTo(ok(nothing)), { type: 'accepted', rejectedSpans: 0 });
  }
});

test('an accepting answer that makes no sense is accepted', async () => {
  for (const body of [
    'null',
    '[]',
    '"x"',
    '<html>',
    '{"partialSuccess":{"rejectedSpans":-1}}',
    '{"partialSuccess":7}',
  ]) {
    assert.deepEqual(await deliverTo(ok(body)), { type: 'accepted', rejectedSpans: 0 }, body);
  }
});

test('429, 502, 503 and 504 are worth another try, after the time the collector says', async () => {
  for (const status of [429, 502, 503, 504]) {
    assert.deepEqual(await deliverTo(answerOf(`${status} Busy`)), { type: 'busy', afterMs: undefined });
  }
  const after = (value: string) => deliverTo(answerOf('503 Busy', `Retry-After: ${value}\r\n`));
  assert.deepEqual(await after('7'), { type: 'busy', afterMs: 7_000 });
  for (const odd of ['-1', 'soon', '1e9', 'Fri, 31 Dec 1999 23:59:59 GMT', '99999999999']) {
    assert.deepEqual(await after(odd), { type: 'busy', afterMs: undefined }, odd);
  }
});

test('any other answer is final, and a redirect is followed nowhere', async () => {
  const elsewhere = await serveHttp(() => ok('{}'));
  toClose.push(elsewhere.close);
  const location = `Location: http://127.0.0.1:${elsewhere.port}/\r\n`;
  for (const status of [301, 302, 307, 308, 400, 401, 404, 413, 500]) {
    assert.deepEqual(
      await deliverTo(answerOf(`${status} No`, location)),
      { type: 'refused' },
      String(status),
    );
  }
  assert.equal(elsewhere.accepted.length, 0);
});

test('nobody there, a hang-up and garbage are the same: not reached', async () => {
  assert.deepEqual(await clientOf(await deadPort()).deliver(), { type: 'unreachable' });
  for (const garbage of ['\0\0\0\0', 'SSH-2.0-OpenSSH\r\n', 'HTTP/1.1 99999 x\r\n\r\n']) {
    assert.deepEqual(await deliverTo(garbage), { type: 'unreachable' }, garbage);
  }
  const server = await serve((socket) => void socket.destroy());
  toClose.push(server.close);
  assert.deepEqual(await clientOf(server.port).deliver(), { type: 'unreachable' });
});

test('over https nothing is sent to whom no public authority vouches for', async () => {
  const { certificate, privateKey } = await (await TestAuthority.create()).workload(
    'spiffe://cluster.local/ns/shop/sa/collector',
    { dnsNames: ['localhost'] },
  );
  let requests = 0;
  const server = https.createServer({ cert: certificate, key: privateKey }, () => {
    requests += 1;
  });
  const handshake = new Promise((resolve) => server.once('tlsClientError', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  toClose.push(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const client = collectorClient(new URL(`https://localhost:${port}/v1/traces`), new FakeTimers());
  toClose.push(client.close);
  const delivery = await new Promise((resolve) => void client.deliver('{}', resolve));
  assert.deepEqual(delivery, { type: 'unreachable' });
  await handshake;
  assert.equal(requests, 0);
});

test('a collector that never answers is given up after ten seconds', async () => {
  const server = await serve(() => {});
  toClose.push(server.close);
  const { timers, deliver } = clientOf(server.port);
  const delivery = deliver();
  await connected(server);
  timers.advance(10_000);
  assert.deepEqual(await delivery, { type: 'unreachable' });
});

test('an answer without end is read so far, and its connection closed', async () => {
  let sentBytes = 0;
  const server = await serve((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    const more = () => {
      if (socket.destroyed) return;
      sentBytes += chunk.length;
      if (socket.write(chunk)) setImmediate(more);
      else socket.once('drain', more);
    };
    more();
  });
  toClose.push(server.close);
  assert.deepEqual(await clientOf(server.port).deliver(), { type: 'accepted', rejectedSpans: 0 });
  await until(() => server.accepted[0]!.destroyed);
  assert.ok(sentBytes < 32 * 1024 * 1024, String(sentBytes));
});

test('whoever gives up is told so once, and the connection is closed', async () => {
  const server = await serve((socket) => void socket.resume().on('end', () => socket.destroy()));
  toClose.push(server.close);
  const { timers, client } = clientOf(server.port);
  const deliveries: Delivery[] = [];
  const giveUp = client.deliver('{}', (delivery) => void deliveries.push(delivery));
  await connected(server);
  giveUp();
  giveUp();
  await until(() => server.accepted[0]!.destroyed);
  timers.advance(20_000);
  assert.deepEqual(deliveries, [{ type: 'unreachable' }]);
});

function connected(server: TestServer): Promise<void> {
  return until(() => server.accepted.length === 1);
}
