import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http2 from 'node:http2';
import { connect as connectTo } from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import tls from 'node:tls';
import { TestAuthority } from './testing/certificates.ts';
import { EgressSide, listed } from './testing/egress.ts';
import { toClose, until } from './testing/harness.ts';
import { askOn, serveVersion } from './testing/versions.ts';
import { serve, type TestServer } from './testing/wire.ts';

const authority = await TestAuthority.create();
const HOST = 'api.example';

/** What a server of WebSockets answers (RFC 6455 4.2.2); it echoes what follows. */
function accept(socket: Duplex, key: string): void {
  const proof = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${proof}\r\n\r\n`,
  );
  socket.pipe(socket);
}

/** A server of WebSockets over HTTP/1; what comes over HTTP/2 is for `http2Port`, or a bad request. */
async function serveWebSockets(http2Port?: number): Promise<TestServer & { readonly heads: string[] }> {
  const heads: string[] = [];
  const server = await serve((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const head = bytes.toString('latin1');
      if (!head.startsWith('PRI ')) {
        heads.push(head);
        return accept(socket, /Sec-WebSocket-Key: (\S+)/i.exec(head)?.[1] ?? '');
      }
      if (http2Port === undefined) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      socket.pause();
      const behind = connectTo({ host: '127.0.0.1', port: http2Port });
      behind.on('error', () => {});
      behind.write(bytes);
      socket.pipe(behind).pipe(socket);
    });
  });
  return { ...server, heads };
}

async function session(side: EgressSide): Promise<http2.ClientHttp2Session> {
  const client = http2.connect(`http://127.0.0.1:${side.port}`);
  client.on('error', () => {});
  toClose.push(async () => client.destroy());
  await new Promise((resolve) => client.once('remoteSettings', resolve));
  return client;
}

/** A WebSocket over HTTP/2 (RFC 8441) that has been sent `ping`. */
function chat(client: http2.ClientHttp2Session, protocol = 'websocket') {
  const head = { ':method': 'CONNECT', ':protocol': protocol, ':path': '/chat', ':authority': HOST };
  const stream = client.request(head);
  const heard = { text: '', status: 0, headers: {} as Record<string, unknown> };
  stream.on('error', () => {});
  stream.on('response', (headers) => {
    heard.status = headers[':status'] ?? 0;
    heard.headers = headers;
  });
  stream.setEncoding('latin1').on('data', (text: string) => {
    heard.text += text;
  });
  stream.write('ping');
  return heard;
}

async function assertEchoes(heard: ReturnType<typeof chat>): Promise<void> {
  await until(() => heard.text === 'ping', 'the echo');
  assert.equal(heard.status, 200);
  assert.equal(heard.headers['sec-websocket-accept'], undefined);
}

function assertUpgrade(heads: readonly string[]): void {
  assert.equal(heads.length, 1);
  assert.match(heads[0]!, /^GET \/chat HTTP\/1\.1\r\n[\s\S]*Upgrade: websocket\r\n/);
  assert.match(heads[0]!, /\r\nSec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n/i);
}

test('a WebSocket over HTTP/2 goes out as it is to a server that takes extended CONNECT', async () => {
  const server = await serveVersion('http2', undefined, { settings: { enableConnectProtocol: true } });
  const protocols: unknown[] = [];
  const push = server.sessions.push.bind(server.sessions);
  server.sessions.push = (...sessions) => {
    for (const each of sessions) {
      each.on('stream', (stream, headers) => {
        protocols.push(headers[':protocol']);
        stream.respond({ ':status': 200 });
        stream.pipe(stream);
      });
    }
    return push(...sessions);
  };
  const side = await EgressSide.start(server, listed(HOST));
  await assertEchoes(chat(await session(side)));
  assert.deepEqual(protocols, ['websocket']);
});

test('a WebSocket over HTTP/2 goes out as one of HTTP/1 to a server without extended CONNECT', async () => {
  const over2 = await serveVersion('http2');
  toClose.push(over2.close);
  const server = await serveWebSockets(over2.port);
  const side = await EgressSide.start(server, listed(HOST));
  const client = await session(side);
  assert.equal((await askOn(client, { host: HOST })).body, 'done');
  await assertEchoes(chat(client));
  assertUpgrade(server.heads);
  // beside it, and over the connection there was
  assert.equal((await askOn(client, { host: HOST })).body, 'done');
  assert.equal(over2.accepted.length, 1);
});

test('a WebSocket over HTTP/2 goes out as one of HTTP/1 to a server that knows nothing but HTTP/1', async () => {
  const server = await serveWebSockets();
  const side = await EgressSide.start(server, listed(HOST));
  await assertEchoes(chat(await session(side)));
  assertUpgrade(server.heads);
});

test('another Upgrade over HTTP/2 has no other form: the request is refused', async () => {
  const server = await serveWebSockets();
  const side = await EgressSide.start(server, listed(HOST));
  const heard = chat(await session(side), 'connect-udp');
  await until(() => heard.status !== 0, 'the answer');
  assert.equal(heard.status, 502);
  assert.deepEqual(server.heads, []);
});

test('a WebSocket over HTTP/2 to a host that TLS is spoken for goes out as one of HTTP/1', async () => {
  const { certificate, privateKey } = await authority.leaf({ uris: [], dnsNames: [HOST] });
  const heads: string[] = [];
  const secured = tls.createServer({ cert: certificate, key: privateKey, ALPNProtocols: ['http/1.1'] });
  secured.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      heads.push(bytes.toString('latin1'));
      accept(socket, /Sec-WebSocket-Key: (\S+)/i.exec(heads[0]!)?.[1] ?? '');
    });
  });
  const server = await serve((socket) => secured.emit('connection', socket));
  const trusted = { trustedRoots: authority.bundle };
  const side = await EgressSide.start(server, listed({ host: HOST, tls: 'Originate' }), trusted);
  await assertEchoes(chat(await session(side)));
  assertUpgrade(heads);
});

test('a host that is not listed gets no WebSocket in any form', async () => {
  const server = await serveWebSockets();
  const side = await EgressSide.start(server, listed('other.example'));
  const heard = chat(await session(side));
  await until(() => heard.status !== 0, 'the answer');
  assert.equal(heard.status, 403);
  assert.equal(server.accepted.length, 0);
});
