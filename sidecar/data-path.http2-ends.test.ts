import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { ALPN } from '../api/names.ts';
import { Caller } from './testing/caller.ts';
import { ALLOWED, DENIED, EgressSide, everything, listed } from './testing/egress.ts';
import { DENY_ADMIN, inbound, sleep, start, toClose, until } from './testing/harness.ts';
import { WEB } from './testing/pair.ts';
import { answerOf, ask, askOn, type Seen, serveVersion } from './testing/versions.ts';
import { serve } from './testing/wire.ts';

function session(port: number): ClientHttp2Session {
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  client.on('error', () => {});
  toClose.push(async () => client.destroy());
  return client;
}
const goneAway = (client: ClientHttp2Session) =>
  new Promise<number>((resolve) => client.once('goaway', (code) => resolve(code)));
const closed = (client: ClientHttp2Session) => new Promise<void>((resolve) => client.once('close', resolve));

test('a sidecar that drains says GOAWAY and answers what is under way', async () => {
  const held: Seen[] = [];
  const app = await serveVersion('http2', (seen) => held.push(seen));
  const pair = await start(app);
  const client = session(pair.port);
  const answer = askOn(client, {});
  await until(() => held.length === 1, 'the request');
  const away = goneAway(client);
  const drained = pair.web.path.drain();
  assert.equal(await away, 0);
  held[0]!.answer(200, 'late');
  assert.equal((await answer).body, 'late');
  await drained;
  assert.equal(pair.web.path.connections().open, 0);
});

test('what a caller has proven ends with its certificate: a request under way is answered, and no other begun', async () => {
  const held: Seen[] = [];
  const app = await serveVersion('http2', (seen) => held.push(seen));
  const pair = await start(app, { limits: { unprovenIdleMs: 300, unprovenMaxMs: 5_000 } });
  const notAfterMs = Math.ceil(Date.now() / 1000) * 1000 + 1_000;
  const { certificate, privateKey } = await pair.authority.workload(WEB, { notAfterMs });
  const socket = tls.connect({
    ...{ host: '127.0.0.1', port: pair.inboundPort, cert: certificate, key: privateKey },
    ...{ ca: pair.authority.bundle, ALPNProtocols: [ALPN.http2], checkServerIdentity: () => undefined },
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('secureConnect', resolve));
  const client = connectHttp2('http://api', { createConnection: () => socket });
  client.on('error', () => {});
  const answer = askOn(client, {});
  const [away, end] = [goneAway(client), closed(client)];
  await until(() => held.length === 1, 'the request');
  assert.equal(await away, 0);
  assert.ok(Date.now() >= notAfterMs - 50, 'it ended before the certificate');
  held[0]!.answer(200, 'late');
  assert.equal((await answer).body, 'late');
  await end;
});

/** An app that takes extended CONNECT and sends back what it hears. */
async function tunnelApp() {
  const app = await serveVersion('http2', undefined, { settings: { enableConnectProtocol: true } });
  const protocols: unknown[] = [];
  const serveSession = (session: (typeof app.sessions)[number]) => {
    session.removeAllListeners('stream');
    session.on('stream', (stream, headers) => {
      protocols.push(headers[':protocol']);
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
  };
  return { app, protocols, serveSession };
}

async function tunnel(client: ClientHttp2Session, path: string) {
  if (!client.remoteSettings?.enableConnectProtocol) {
    await new Promise((resolve) => client.once('remoteSettings', resolve));
  }
  const stream = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': path });
  stream.on('error', () => {});
  const heard = { text: '', status: 0, headers: {} as Record<string, unknown>, closed: false };
  stream.on('response', (headers) => {
    heard.status = headers[':status'] ?? 0;
    heard.headers = headers;
  });
  stream.setEncoding('latin1').on('data', (text: string) => {
    heard.text += text;
  });
  stream.once('close', () => {
    heard.closed = true;
  });
  return { stream, heard };
}

test('an Upgrade over HTTP/2 becomes a tunnel to an app that takes it so, and a new policy ends it', async () => {
  const { app, protocols, serveSession } = await tunnelApp();
  const pair = await start(app);
  const original = app.sessions.push.bind(app.sessions);
  app.sessions.push = (...sessions) => {
    sessions.forEach(serveSession);
    return original(...sessions);
  };
  const client = session(pair.port);
  const one = await tunnel(client, '/open');
  const other = await tunnel(client, '/admin/x');
  for (const { stream, heard } of [one, other]) {
    stream.write('ping');
    await until(() => heard.text === 'ping', 'the echo');
  }
  assert.deepEqual(protocols, ['websocket', 'websocket']);
  const { config } = pair.api.state;
  pair.api.state.setConfig({ ...config!, inbound: inbound([DENY_ADMIN]) });
  await until(() => other.heard.closed, 'the end of what is denied');
});

test('a WebSocket over HTTP/2 comes to an app of HTTP/1 as one of HTTP/1', async () => {
  let head = '';
  const app = await serve((socket) => {
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      if (!text.includes('HTTP/1.1')) {
        // a server of HTTP/1 alone takes the preface for a bad request
        if (!text.startsWith('PRI')) socket.write(bytes);
        else socket.destroy();
        return;
      }
      if (text.startsWith('PRI')) return void socket.destroy();
      head = text;
      const key = /Sec-WebSocket-Key: (\S+)/i.exec(text)![1]!;
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
  });
  const http2 = await serveVersion('http2');
  // the same app on HTTP/2, which takes no extended CONNECT
  const both = await serve((socket) => {
    socket.once('data', (first) => {
      socket.pause();
      const port = first.toString('latin1').startsWith('PRI') ? http2.port : app.port;
      const to = connectTo(port);
      to.write(first);
      socket.pipe(to).pipe(socket);
    });
  });
  toClose.push(app.close, http2.close);
  const pair = await start(both);
  const { stream, heard } = await tunnel(session(pair.port), '/chat');
  stream.write('ping');
  await until(() => heard.text === 'ping', 'the echo');
  assert.equal(heard.status, 200);
  assert.equal(heard.headers['sec-websocket-accept'], undefined);
  assert.match(head, /^GET \/chat HTTP\/1\.1\r\n[\s\S]*Upgrade: websocket\r\n/);
  stream.end();
});

test('a WebSocket over HTTP/2 comes to an app that knows nothing but HTTP/1', async () => {
  const heads: string[] = [];
  const app = await serve((socket) => {
    socket.once('data', (bytes) => {
      const head = bytes.toString('latin1');
      if (head.startsWith('PRI')) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      heads.push(head);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      socket.pipe(socket);
    });
  });
  toClose.push(app.close);
  const pair = await start(app);
  const { stream, heard } = await tunnel(session(pair.port), '/chat');
  stream.write('ping');
  await until(() => heard.text === 'ping', 'the echo');
  assert.equal(heard.status, 200);
  assert.equal(heads.length, 1);
  assert.match(heads[0]!, /^GET \/chat HTTP\/1\.1\r\n[\s\S]*Upgrade: websocket\r\n/);
  stream.end();
});

function connectTo(port: number) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  return socket;
}

test('a connection of many requests is closed when it is idle for long, and gets none when it is old', async () => {
  const app = await serveVersion('http2');
  const caller = await Caller.start([app], { limits: { appIdleMs: 100, maxConnectionAgeMs: 150 } });
  const client = session(caller.port);
  await askOn(client, {});
  assert.equal(caller.side.path.connections().pools, 1);
  await until(() => caller.side.path.connections().pools === 0, 'the idle one to be closed');
  const startMs = performance.now();
  while (performance.now() - startMs < 300) {
    assert.equal((await askOn(client, {})).status, 200);
    await sleep(20);
  }
  assert.ok(app.accepted.length >= 3, `${app.accepted.length} connections`);
});

test('with one connection allowed, requests wait for room on it, and no more of them than may', async () => {
  const held: Seen[] = [];
  const app = await serveVersion('http2', (seen) => held.push(seen), {
    settings: { maxConcurrentStreams: 2 },
  });
  const caller = await Caller.start([app], {
    traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 1 } },
  });
  const client = session(caller.port);
  const first = askOn(client, {});
  await until(() => held.length === 1, 'the first');
  held.shift()!.answer(200, 'known');
  await first;
  const answers = [askOn(client, {}), askOn(client, {}), askOn(client, {})];
  await until(() => held.length === 2, 'two at a time');
  assert.equal((await askOn(client, {})).code, 'circuit-open');
  held.shift()!.answer(200, 'one');
  await until(() => held.length === 2, 'the one that waited');
  for (const { answer } of held) answer(200, 'more');
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(app.accepted.length, 1);
});

test('a client that goes away before its request has a connection leaves nothing behind', async () => {
  const app = await serve(() => {});
  await app.close();
  const caller = await Caller.start([app], { traffic: {} });
  const client = session(caller.port);
  const stream = client.request({ ':path': '/' });
  stream.on('error', () => {});
  stream.close(8);
  client.destroy();
  await until(() => caller.side.path.connections().open === 0, 'the connection to be over');
  await until(() => caller.side.path.connections().pools === 0, 'nothing to be dialled');
});

test('requests of HTTP/2 to outside the mesh are judged one by one', async () => {
  const server = await serveVersion('http2');
  const side = await EgressSide.start(server, listed('api.example'));
  const client = session(side.port);
  const headers = { 'weft-caller': 'me' };
  assert.equal((await askOn(client, { host: 'API.example', headers })).status, 200);
  const refused = await askOn(client, { host: 'evil.example' });
  assert.deepEqual([refused.status, refused.code], [403, 'denied']);
  assert.equal((await askOn(client, { host: 'api.example' })).status, 200);
  const grpc = await askOn(client, { host: 'evil.example' }, 'grpc');
  assert.deepEqual([grpc.status, grpc.grpcStatus], [200, 7]);
  assert.equal(server.seen.length, 2);
  assert.equal(server.seen[0]!.headers['weft-caller'], undefined);
  assert.deepEqual([side.metric(ALLOWED), side.metric(DENIED)], [2, 2]);
});

test('where requests may have to be sent over TLS, those of HTTP/2 that need not go as they are', async () => {
  const server = await serveVersion('http2');
  const origin = { host: 'secure.example', tls: 'Originate' as const, ports: [server.port] };
  const side = await EgressSide.start(server, everything(origin));
  assert.equal((await ask('http2', side.port, { host: 'plain.example' })).body, 'done');
  assert.equal(server.seen[0]!.host, 'plain.example');
});

test('a stream that is reset by the client is reset at the app', async () => {
  const codes: number[] = [];
  const app = await serveVersion('http2');
  const pair = await start(app);
  const client = session(pair.port);
  await askOn(client, {});
  app.sessions[0]!.removeAllListeners('stream');
  app.sessions[0]!.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    stream.write('begun');
    stream.once('close', () => codes.push(stream.rstCode));
  });
  const stream = client.request({ ':path': '/' });
  const answer = answerOf(stream);
  await new Promise((resolve) => stream.once('data', resolve));
  stream.close(8);
  await answer.catch(() => {});
  await until(() => codes.length === 1, 'the reset');
  assert.deepEqual(codes, [8]);
});
